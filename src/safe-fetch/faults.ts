// Turns network faults into sentences for the creator, which never hold an address or a path.
import { errors } from 'undici';
import { Problem } from '../base/errors.ts';

const TLS = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED|HOSTNAME_MISMATCH|EPROTO)/;

/** Which of our own time limits ran out, if one did. */
export type Expired = 'first byte' | 'whole' | null;

/**
 * Returns what to throw for an error of a fetch: the signal's reason when it aborted, a Problem for
 * a fault of the network, and any other error as it is.
 */
export function explainError(
  error: unknown,
  host: string,
  { limit, signal }: { limit: number; signal: AbortSignal },
  expired: Expired,
): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof Problem) return error;
  if (error instanceof errors.ResponseExceededMaxSizeError) return tooLarge(limit);
  const sentence = explainFault(error, host, expired);
  return sentence ? new Problem('fetch_failed', sentence, { cause: findCode(error) }) : error;
}

export function tooLarge(limit: number): Problem {
  return new Problem(
    'too_large',
    `The file is larger than ${limit / 1_000_000} MB, the most that we take.`,
  );
}

function explainFault(error: unknown, host: string, expired: Expired): string | null {
  const code = findCode(error);
  if (expired === 'whole') return `${host} took too long to send the file.`;
  if (expired || /^UND_ERR_(HEADERS|CONNECT)_TIMEOUT$/.test(code)) {
    return `${host} did not answer in time.`;
  }
  if (code === 'UND_ERR_BODY_TIMEOUT') return `${host} stopped in the middle of the file.`;
  if (error instanceof errors.HTTPParserError || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return `${host} did not answer as a web server should.`;
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' || code === 'UND_ERR_SOCKET') {
    return `${host} ended the connection before the file was complete.`;
  }
  if (code === 'ENOTFOUND' || code === 'ENODATA') return `There is no host ${host}.`;
  if (isLookupFault(error)) return `${host} could not be looked up at the moment.`;
  if (TLS.test(code)) return `The TLS certificate of ${host} is not valid.`;
  if (error instanceof errors.UndiciError || /^E(CONN|PIPE|TIMEDOUT|HOST|NET|ADDR)/.test(code)) {
    return `${host} could not be reached, or ended the connection.`;
  }
  return null;
}

/**
 * Faults of name servers have the same codes as faults of connections; the system call tells them
 * apart.
 */
function isLookupFault(error: unknown): boolean {
  const { syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return /^(query|getaddrinfo)/.test(syscall ?? '');
}

function findCode(error: unknown): string {
  return String((error as NodeJS.ErrnoException)?.code ?? '');
}

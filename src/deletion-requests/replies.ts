// Writes the replies that operators copy into an email, one for each state of a request.
import type { Context } from '../context/context.ts';
import { judgeUrgency } from './rules.ts';
import type { DeletionRequest } from './store.ts';
import { TERM_DAYS } from './store.ts';

export interface ReplyParts {
  /** The URL of the one-time link while it can be used. */
  link: string | null;
  /** The URL of the receipt once a deletion has begun. */
  receipt: string | null;
}

/** Reasons with a reply of their own. The first two get the same one, which hides the difference. */
export const REASONS = [
  'No account',
  'Ownership was not shown',
  'Withdrawn by the person',
  'Answered under another number',
];

const STAYS_ON_TIKTOK =
  'What was posted on TikTok stays there. Only you can remove it, in TikTok’s app.';

/** Returns plain text. Before a proof, no reply tells whether an account exists. */
export function writeReply(ctx: Context, request: DeletionRequest, parts: ReplyParts): string {
  const name = ctx.config.OPERATOR_NAME ?? 'PM3K';
  const lines = ['Hello,', ...writeBody(ctx, request, parts), `Kind regards\n${name}`];
  return lines.join('\n\n');
}

function writeBody(ctx: Context, request: DeletionRequest, parts: ReplyParts): string[] {
  const { number, received_at, execute_after, needs_second_operator } = request;
  switch (request.state) {
    case 'received':
      return [
        `we have your request to delete data. Its number is ${number}; it arrived on ${day(received_at)}, and ${promiseAnswer(request)}`,
        'Before anything is deleted, we make sure that the request comes from the owner of the TikTok account it is about. We write to you again about how.',
      ];
    case 'identity_asked':
      return askedFor(request, parts);
    case 'verified':
      return needs_second_operator && execute_after
        ? [
            `thank you: what you did for request ${number} shows that the name is yours. Names on TikTok can change hands, so we check a second time, and wait until ${day(execute_after)} at the latest before anything is deleted.`,
            'You need to do nothing more. We write again when the deletion begins.',
          ]
        : [
            `thank you: you have shown for request ${number} that the account is yours. Everything that we store about it is deleted next, and we send you the address of the receipt.`,
            STAYS_ON_TIKTOK,
          ];
    case 'deleting':
      return [
        `the deletion for request ${number} has begun. This page shows how far it is, and then the receipt:`,
        ...(parts.receipt ? [parts.receipt] : []),
        `It needs no sign-in and names nobody. ${STAYS_ON_TIKTOK}`,
      ];
    case 'done':
      return doneWith(ctx, request, parts);
    case 'refused':
      return refusedWith(ctx, request);
  }
}

function promiseAnswer(request: DeletionRequest): string {
  return judgeUrgency(request).daysLeft > 0
    ? `you get our answer within ${TERM_DAYS} days of that.`
    : `we should have answered within ${TERM_DAYS} days of that. We are sorry that we are late.`;
}

function askedFor(request: DeletionRequest, { link }: ReplyParts): string[] {
  const { number, method, bio_code, proof_description, proof_expires_at } = request;
  const intro = `about your request ${number} to delete data: please show us that the TikTok account it is about is yours.`;
  const otherwise = 'If you cannot do this, answer this email, and we find another way.';
  if (method === 'bio') {
    return [
      `${intro} Put this code into the bio of that account:`,
      bio_code ?? '',
      'Then answer this email. You may take the code out again as soon as we have written back.',
      otherwise,
    ];
  }
  if (method === 'other') {
    return [
      `${intro} Please make this change to that account, and answer this email when it is done:`,
      proof_description ?? '',
      otherwise,
    ];
  }
  return [
    `${intro} Open this link and sign in with TikTok, with that account:`,
    link ?? '(The link was used, or has ended. Make a new one first.)',
    `It works once${proof_expires_at ? `, until ${day(proof_expires_at)}` : ''}. It tells us whether it is the right account, and nothing else; we never see your password. After signing in, a second button confirms that you want everything deleted. Please do not pass the link on.`,
    otherwise,
  ];
}

function doneWith(ctx: Context, { number }: DeletionRequest, { receipt }: ReplyParts): string[] {
  const { PUBLIC_URL, BACKUP_DAYS } = ctx.config;
  return [
    `everything that we stored about the TikTok account of request ${number} is deleted, and a search found nothing left.${receipt ? ' The receipt, which names nobody:' : ''}`,
    ...(receipt ? [receipt] : []),
    `${STAYS_ON_TIKTOK} Backups that may still hold a copy end within ${BACKUP_DAYS} days, and a restored one is deleted from again. What else may remain, and why: ${PUBLIC_URL}/data-deletion`,
  ];
}

function refusedWith(ctx: Context, { number, refusal_reason }: DeletionRequest): string[] {
  const { OPERATOR_AUTHORITY } = ctx.config;
  const [noAccount, notShown, withdrawn, another] = REASONS;
  if (refusal_reason === withdrawn) {
    return [`as you asked, request ${number} is closed. Nothing was deleted.`];
  }
  if (refusal_reason === another) {
    return [`request ${number} is closed, since we answer the same wish under another number.`];
  }
  const isNeutral = refusal_reason === noAccount || refusal_reason === notShown;
  const complaint = OPERATOR_AUTHORITY
    ? `If you disagree, answer this email. You may also complain to ${OPERATOR_AUTHORITY}, or go to court.`
    : 'If you disagree, answer this email. You may also complain to your data protection authority, or go to court.';
  return [
    isNeutral
      ? `we could not establish that request ${number} comes from the owner of an account with us. So nothing was deleted, and the request is closed. You may write again at any time, with whatever helps us to find and confirm it.`
      : `we did not carry out request ${number}, for this reason: ${refusal_reason}`,
    complaint,
  ];
}

function day(at: Date): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(at);
}

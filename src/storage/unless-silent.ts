// Bounds the wait for the beginning of a bucket's answer.

/**
 * Throws when no answer has begun after `ms`. A connection that died without a word would otherwise be
 * waited for by everything that asks the bucket. An answer that comes later is dropped.
 */
export async function unlessSilent(asking: Promise<Response>, ms: number): Promise<Response> {
  const silence = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    silence.reject(new Error('The storage fell silent'));
    asking.then(({ body }) => body?.cancel()).catch(() => {});
  }, ms);
  return Promise.race([asking, silence.promise]).finally(() => clearTimeout(timer));
}

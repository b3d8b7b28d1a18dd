/** Requests to the issuer: no redirect, a limit for the time and for the size of the answer. */

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export interface Limits {
  /** How long to wait for the head of the answer, in milliseconds. */
  readonly headTimeout: number;
  readonly maxBytes: number;
}

/** The longest pause within a body, and the longest time for all of it, in milliseconds. */
const MAX_PAUSE = 2000;
const MAX_BODY_TIME = 20_000;

/** There is no usable answer. The message is for the log of an operator; it has no line break and no secret. */
export class HttpError extends Error {
  override readonly name = "HttpError";
}

/**
 * Sends one request and reads its answer.
 *
 * A redirect is an error: it could lead the credential in the headers to another server.
 *
 * @throws HttpError
 */
export async function send(url: string, init: RequestInit, { headTimeout, maxBytes }: Limits): Promise<Answer> {
  const abort = new AbortController();
  const late = () => abort.abort(new HttpError("the issuer has not answered in time"));
  let timer = setTimeout(late, headTimeout);
  timer.unref();
  const outer = init.signal;
  const stop = () => abort.abort(new HttpError("closed"));
  if (outer?.aborted) stop();
  outer?.addEventListener("abort", stop, { once: true });
  try {
    const response = await fetch(url, { ...init, redirect: "error", signal: abort.signal });
    const chunks: Uint8Array[] = [];
    const end = performance.now() + MAX_BODY_TIME;
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new HttpError(`the answer has more than ${maxBytes} bytes`);
      chunks.push(chunk);
      // A server that sends a byte a second would hold a question, and its place, for hours.
      if (performance.now() > end) late();
      clearTimeout(timer);
      timer = setTimeout(late, MAX_PAUSE);
      timer.unref();
    }
    return { status: response.status, headers: response.headers, body: Buffer.concat(chunks) };
  } catch (error) {
    if (error instanceof HttpError) throw error;
    if (abort.signal.aborted && abort.signal.reason instanceof HttpError) throw abort.signal.reason;
    throw new HttpError(`the issuer cannot be reached: ${reasonOf(error)}`);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", stop);
    // Ends a body that is not read to its end.
    abort.abort();
  }
}

/** The code or the message of an error of `fetch`, in one line. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: unknown; message?: unknown }; message?: unknown };
  return oneLine(String(cause?.code ?? cause?.message ?? message ?? "unknown"));
}

/** A text from the network as it may be logged: it cannot add a line. */
export function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, " ").slice(0, 300);
}

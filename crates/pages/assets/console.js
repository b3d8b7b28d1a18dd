// Keeps the parts of a page that are marked with data-live up to date: the server sends the HTML of a part, and this replaces
// it. Without this script the page has links that load it again.
(() => {
  'use strict';
  const bar = document.querySelector('[data-stream]');
  const topics = [...document.querySelectorAll('[data-live]')].map((part) => part.dataset.live);
  if (!bar || topics.length === 0 || !window.EventSource) return;

  const pause = bar.querySelector('[data-pause]');
  const status = bar.querySelector('[data-status]');
  const address = `${bar.dataset.stream}?topics=${topics.join(',')}`;
  // The server escapes what it sends, as in the page itself, and the policy of the page allows no other script.
  const identity = { createHTML: (html) => html };
  const policy = window.trustedTypes ? window.trustedTypes.createPolicy('counterfoil', identity) : identity;
  /** Updates of parts in which the focus is. */
  const waiting = new Map();
  const RETRY_MS = 30_000;
  let stream = null;
  let retry = null;
  let isPaused = false;
  let isEnded = false;

  const say = (text) => { if (status.textContent !== text) status.textContent = text; };

  function parse(html) {
    return new DOMParser().parseFromString(policy.createHTML(html), 'text/html').body.firstElementChild;
  }

  function show(topic, html) {
    const part = document.querySelector(`[data-live="${topic}"]`);
    if (!part) return;
    // The focus stays where it is.
    if (part.contains(document.activeElement)) {
      waiting.set(topic, html);
      return;
    }
    waiting.delete(topic);
    const next = parse(html);
    if (!next) return;
    const scrolled = [...part.querySelectorAll('.tablewrap')].map((table) => table.scrollLeft);
    part.replaceWith(next);
    next.querySelectorAll('.tablewrap').forEach((table, index) => { table.scrollLeft = scrolled[index] ?? 0; });
  }

  function close() {
    clearTimeout(retry);
    if (stream) stream.close();
    stream = null;
  }

  function open() {
    close();
    if (isPaused || isEnded || document.hidden) return;
    const opened = new EventSource(address);
    stream = opened;
    opened.onopen = () => say('Live.');
    opened.onerror = () => {
      say('Updates are interrupted.');
      // After a refusal the browser does not try again by itself.
      if (opened.readyState === EventSource.CLOSED && stream === opened) retry = setTimeout(open, RETRY_MS);
    };
    for (const topic of topics) opened.addEventListener(topic, ({ data }) => show(topic, data));
    opened.addEventListener('ended', ({ data }) => {
      // After another reason the browser connects again, with a new credential if it has one.
      if (data !== 'session_ended') return;
      isEnded = true;
      close();
      say('Your session has ended. This page is no longer up to date.');
      pause.hidden = true;
    });
  }

  pause.addEventListener('click', () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? 'Resume updates' : 'Pause updates';
    if (isPaused) {
      close();
      waiting.clear();
      say('Paused.');
    } else {
      open();
    }
  });
  document.addEventListener('visibilitychange', () => { if (document.hidden) close(); else open(); });
  document.addEventListener('focusout', () => {
    setTimeout(() => { for (const [topic, html] of [...waiting]) if (!isPaused) show(topic, html); });
  });
  bar.querySelector('[data-without-script]').hidden = true;
  pause.hidden = false;
  open();
})();

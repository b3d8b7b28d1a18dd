// Shows what a token contains as it is pasted. It sends nothing: the policy of the page allows no connection. The form, which
// also works without this script, says what is wrong with a token and checks its signature.
(() => {
  'use strict';
  const field = document.querySelector('#token');
  const section = document.querySelector('[data-decoded]');
  if (!field || !section) return;
  const [what, raw, header, payload, parts] = ['what', 'raw', 'header', 'payload', 'parts']
    .map((name) => section.querySelector(`[data-${name}]`));
  const claims = new Map([...section.querySelectorAll('[data-claim]')]
    .map((item) => [item.dataset.claim, { meaning: item.textContent, isTime: 'time' in item.dataset }]));

  /** The object in a part of a JWT (RFC 7515, section 3.1). */
  function decode(part) {
    if (!/^[A-Za-z0-9_-]+$/.test(part)) throw new SyntaxError('not base64url');
    const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not an object');
    return value;
  }

  /** The time from now, in the largest unit that fits. */
  function relative(seconds) {
    const distance = seconds - Math.floor(Date.now() / 1000);
    const length = Math.abs(distance);
    if (length === 0) return 'now';
    const [size, unit] = [[86_400, 'd'], [3_600, 'h'], [60, 'min'], [1, 's']].find(([size]) => length >= 2 * size) ?? [1, 's'];
    const text = `${Math.floor(length / size)} ${unit}`;
    return distance > 0 ? `in ${text}` : `${text} ago`;
  }

  function time(value) {
    if (typeof value !== 'number') return null;
    const date = new Date(Math.floor(value) * 1000);
    const day = Number.isNaN(date.getTime()) ? value : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    return `${day} (${relative(Math.floor(value))})`;
  }

  function element(name, text, ...children) {
    const made = document.createElement(name);
    made.append(text, ...children);
    return made;
  }

  function note(text) {
    const made = element('span', text);
    made.className = 'soft small';
    return made;
  }

  function rows(object, known) {
    return Object.entries(object).map(([name, value]) => {
      const claim = known.get(name);
      const moment = claim?.isTime ? time(value) : null;
      const head = element('th', name, ...(claim ? [note(claim.meaning)] : []));
      head.scope = 'row';
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return element('tr', head, element('td', text, ...(moment ? [note(moment)] : [])));
    });
  }

  function showJwt(texts) {
    const [head, claimed] = texts.slice(0, 2).map(decode);
    header.replaceChildren(...rows(head, new Map()));
    payload.replaceChildren(...rows(claimed, claims));
    raw.replaceChildren(...texts.flatMap((text, index) => {
      const mark = element('mark', text);
      mark.className = ['s', 'j', 'h'][index];
      return index === 0 ? [mark] : ['.', mark];
    }));
  }

  /** What the text is, in a sentence; the parts of a JWT are shown below it. */
  function describe(text) {
    const other = /^cf([sr])_([A-Za-z0-9_-]{22})\./.exec(text);
    if (other) return `A ${other[1] === 's' ? 'session' : 'refresh'} token of the session ${other[2]}. It contains nothing else but a secret.`;
    const texts = text.split('.');
    if (texts.length !== 3 || text.length > Number(section.dataset.max)) return 'This is not a whole token.';
    try {
      showJwt(texts);
    } catch {
      return 'The header or the payload is not a JSON object in base64url.';
    }
    parts.hidden = false;
    return 'A JWT. Nothing was sent, and nothing is checked yet: anyone can write such a token.';
  }

  function show() {
    // A copied header is read as its token, as by the form.
    const text = field.value.trim().replace(/^(authorization:)?\s*bearer\s+/i, '');
    parts.hidden = true;
    section.hidden = text === '';
    what.textContent = text === '' ? '' : describe(text);
  }

  field.addEventListener('input', show);
  // A browser that goes back fills the field again.
  window.addEventListener('pageshow', show);
})();

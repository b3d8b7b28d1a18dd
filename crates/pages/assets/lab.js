// Shows the progress of a measurement as it is made, and its report at the end. Without this script the page has links that
// load it again.
(() => {
  'use strict';
  const card = document.querySelector('[data-events]');
  if (!card || !window.EventSource) return;

  const [bar, part, seconds, status, links] = ['progress', '[data-part]', '[data-seconds]', '[data-status]', '[data-without-script]']
    .map((selector) => card.querySelector(selector));
  const events = new EventSource(card.dataset.events);

  events.onopen = () => {
    links.hidden = true;
    status.textContent = '';
  };
  events.onerror = () => {
    status.textContent = 'Updates are interrupted.';
    // After a refusal the browser does not try again.
    links.hidden = events.readyState !== EventSource.CLOSED;
  };
  events.addEventListener('progress', ({ data }) => {
    const progress = JSON.parse(data);
    bar.max = Math.max(progress.of, 1);
    bar.value = progress.done;
    part.textContent = progress.part;
    seconds.textContent = progress.seconds;
  });
  events.addEventListener('ended', () => {
    events.close();
    window.location.replace(card.dataset.page);
  });
})();

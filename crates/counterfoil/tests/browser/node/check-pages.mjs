// Checks rendered pages: node check-pages.mjs CHROMIUM FOLDER. FOLDER/samples.json is {pages: [{name, lang, dir, file}], assets:
// {name: {type, content}}, everything}. Each page is validated as HTML, must not overflow at any width, and is tested by axe; a table of the console breaks no short word: in
// two opposite combinations of width, scheme and direction, or with `everything` in all. Prints one finding a line.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { HtmlValidate } from 'html-validate';
import { launch } from './chromium.mjs';

const WIDTHS = [1280, 390, 320];
const SCHEMES = ['light', 'dark'];
const ORIGIN = 'http://pages.test';
const folder = process.argv[3];
const { pages, assets, everything } = JSON.parse(readFileSync(join(folder, 'samples.json'), 'utf8'));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const validator = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: {
    // They are about style, not about correctness.
    'no-trailing-whitespace': 'off', 'void-style': 'off', 'long-title': 'off', 'no-inline-style': 'error',
    // Both are written by the standard of autocompletion for changes of a password.
    'autocomplete-password': 'off',
  },
});
const html = new Map(pages.map((page) => [page.file, readFileSync(join(folder, page.file), 'utf8')]));
/** The page without the element that would lead away from it. */
const resting = (file) => html.get(file).replace(/<meta http-equiv="refresh"[^>]*>/, '');
const browser = await launch(process.argv[2]);

/** Whether axe runs with this combination. */
function isAudited(width, scheme, dir) {
  return everything
    || (width === 1280 && scheme === 'light' && dir === 'ltr')
    || (width === 320 && scheme === 'dark' && dir === 'rtl')
    || (width === 320 && scheme === 'dark' && dir === 'ltr' && !pages.some((page) => page.dir === 'rtl'));
}

async function openTab(scheme) {
  const context = await browser.newContext({ colorScheme: scheme, reducedMotion: 'reduce' });
  await context.route('**', (route) => {
    const path = new URL(route.request().url()).pathname;
    const asset = assets[path.split('/').pop()];
    if (html.has(path.slice(1))) {
      return route.fulfill({ contentType: 'text/html; charset=utf-8', body: resting(path.slice(1)) });
    }
    return asset ? route.fulfill({ contentType: asset.type, body: asset.content }) : route.abort();
  });
  return context.newPage();
}

function overflow() {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const edges = [...document.querySelectorAll('body *')].filter((part) => {
    const { left, right } = part.getBoundingClientRect();
    return right > clientWidth + 1 || left < -1;
  });
  return [`${scrollWidth} px: ${edges.slice(-3).map((part) => part.outerHTML.slice(0, 120)).join(' | ')}`];
}

/** The words in tables that are broken into two lines although they are short. Long ones may be. */
function brokenWords() {
  const broken = [];
  for (const table of document.querySelectorAll('table.t')) {
    const texts = document.createTreeWalker(table, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      for (const { 0: word, index } of text.data.matchAll(/(?<![\p{L}\p{N}_])[\p{L}\p{N}_]{2,16}(?![\p{L}\p{N}_])/gu)) {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + word.length);
        const lines = new Set([...range.getClientRects()].map(({ bottom }) => Math.round(bottom)));
        if (lines.size > 1) broken.push(word);
      }
    }
  }
  return broken.length > 0 ? [`breaks words: ${[...new Set(broken)].slice(0, 5).join(', ')}`] : [];
}

async function audit() {
  const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
  return violations.map(({ id, nodes }) =>
    `${id}: ${nodes.slice(0, 2).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 200)}`).join(' | ')}`);
}

async function check(tab, { name, lang, dir, file }, scheme) {
  const findings = [];
  await tab.setViewportSize({ width: WIDTHS[0], height: 900 });
  await tab.goto(`${ORIGIN}/${file}`);
  for (const width of WIDTHS) {
    await tab.setViewportSize({ width, height: 900 });
    const where = `${name} (${lang}, ${width} px, ${scheme})`;
    findings.push(...(await tab.evaluate(overflow)).map((text) => `${where}: is wider: ${text}`));
    findings.push(...(await tab.evaluate(brokenWords)).map((text) => `${where}: ${text}`));
    if (!isAudited(width, scheme, dir)) continue;
    await tab.evaluate(axe);
    findings.push(...(await tab.evaluate(audit)).map((text) => `${where}: ${text}`));
  }
  return findings;
}

async function work(scheme, queue) {
  const [tab, findings] = [await openTab(scheme), []];
  for (let page = queue.pop(); page; page = queue.pop()) findings.push(...await check(tab, page, scheme));
  return findings;
}

async function validate({ name, lang, file }) {
  const { results } = await validator.validateString(html.get(file), file);
  return results.flatMap(({ messages }) => messages.map(({ ruleId, message, line }) =>
    `${name} (${lang}) line ${line}: ${ruleId}: ${message}`));
}

const jobs = SCHEMES.flatMap((scheme) => {
  const queue = [...pages];
  return [work(scheme, queue), work(scheme, queue)];
});
const findings = (await Promise.all([...jobs, ...pages.map(validate)])).flat();
await browser.close();
for (const finding of findings) console.log(finding.replaceAll('\n', ' '));
console.log(`checked ${pages.length} pages`);

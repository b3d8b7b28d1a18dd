// Journeys of a person through the pages of a server. Each uses new cookies, and returns what is wrong as a list of sentences.
// With COUNTERFOIL_WRITE_PICTURES=FOLDER, they save pictures of some pages there.
import { writeFileSync } from 'node:fs';
import { LAB_JOURNEYS } from './lab-journeys.mjs';

const PICTURES = process.env.COUNTERFOIL_WRITE_PICTURES;

/**
 * Runs a journey. The browser must report no violation of the content security policy but of a frame that is refused, and no
 * page may contain a credential.
 */
export async function run(browser, journey, options) {
  const context = await browser.newContext({ javaScriptEnabled: options.script });
  const [findings, refusedFrames] = [[], []];
  context.on('console', (message) => {
    if (message.text().startsWith('Framing')) refusedFrames.push(message.text());
    else if (message.text().includes('Content Security Policy')) findings.push(`console: ${message.text()}`);
  });
  context.on('weberror', (error) => findings.push(`script: ${error.error()}`));
  const bodies = [];
  context.on('response', (response) => {
    // The credentials of the lab are thrown away, and its pages are there to show them.
    if (journey.startsWith('lab') || !response.url().startsWith(options.origin) || response.status() === 303) return;
    // It has no end.
    if (response.headers()['content-type'] === 'text/event-stream') return;
    bodies.push(response.text().then((text) => {
      // A random id can contain the letters by which a credential begins.
      const secret = /\b(cfs_[\w-]{20}|cfr_[\w-]{20}|eyJ[\w-]*\.)/.exec(text);
      if (secret) findings.push(`${response.url()} contains ${secret[0]}`);
    }, () => {}));
  });
  const traveller = new Traveller(context, await context.newPage(), options, findings);
  try {
    await JOURNEYS[journey](traveller, options);
    const hasFrame = journey === 'other_origin';
    traveller.expect(refusedFrames.length > 0 === hasFrame, `refused frames: ${refusedFrames}`);
  } catch (error) {
    findings.push(`${journey} at ${traveller.page.url()}: ${error.message}`);
  }
  await Promise.all(bodies);
  await context.close();
  return findings;
}

class Traveller {
  constructor(context, page, { origin, password, script }, findings) {
    Object.assign(this, { context, page, origin, password, script, findings });
    page.setDefaultTimeout(20_000);
  }

  /** Another browser of the same person. */
  async elsewhere() {
    const context = await this.context.browser().newContext({ javaScriptEnabled: false });
    return new Traveller(context, await context.newPage(), { ...this, script: false }, this.findings);
  }

  open(path) {
    return this.page.goto(`${this.origin}${path}`);
  }

  /** Fills the fields and presses the button of their form; the status of the page after it. */
  async send(fields, button) {
    for (const [name, value] of Object.entries(fields)) await this.page.fill(`input[name=${name}]`, value);
    return this.press(this.page.getByRole('main').getByRole('button', { name: button, exact: true }));
  }

  async press(button) {
    const [response] = await Promise.all([
      this.page.waitForResponse((response) => response.request().isNavigationRequest() && response.status() !== 303),
      button.click(),
    ]);
    await this.page.waitForLoadState();
    return response.status();
  }

  async signIn(username, password = this.password) {
    await this.open('/login');
    return this.send({ username, password }, 'Sign in');
  }

  expect(holds, what) {
    if (!holds) this.findings.push(`${what}: not at ${this.page.url()}`);
  }

  async expectText(text) {
    const body = (await this.page.locator('body').innerText()).replace(/[\u2066-\u2069]/g, '');
    this.expect(body.includes(text), `${JSON.stringify(text)} in ${JSON.stringify(body.slice(0, 600))}`);
  }

  expectPath(path) {
    this.expect(new URL(this.page.url()).pathname === path, path);
  }

  /** Saves a picture of the page from its top, if pictures are wanted. Only one of the two travellers does. */
  async picture(name, height = 720) {
    if (!PICTURES || !this.script) return;
    await this.page.setViewportSize({ width: 1280, height });
    await this.page.evaluate(() => scrollTo(0, 0));
    const session = await this.context.newCDPSession(this.page);
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 80 });
    writeFileSync(`${PICTURES}/${name}.webp`, Buffer.from(data, 'base64'));
  }

  async isSignedIn() {
    await this.open('/account/sessions');
    return new URL(this.page.url()).pathname === '/account/sessions';
  }
}

const JOURNEYS = {
  ...LAB_JOURNEYS,

  async register(person, { username }) {
    await person.open('/register');
    await person.picture('page-register');
    person.expect(await person.send({ username, password: person.password }, 'Create an account') === 200, 'a page');
    person.expectPath('/account/sessions');
    await person.expectText('You are signed in as');
    await person.press(person.page.getByRole('banner').getByRole('button', { name: 'Sign out' }));
    person.expectPath('/login');
    await person.expectText('You are signed out.');
    person.expect(!(await person.isSignedIn()), 'signed out');

    await person.open('/register');
    const again = { username, password: person.password };
    person.expect(await person.send(again, 'Create an account') === 409, 'status 409');
    await person.expectText('Another user has this username');
  },

  async sign_in(person, { username }) {
    person.expect(await person.signIn(username, 'wrong horse') === 401, 'status 401');
    await person.expectText('The name or the password is wrong.');
    await person.picture('page-sign-in');
    person.expect((await person.page.title()).startsWith('Error: '), 'a title with Error');
    person.expect(await person.page.inputValue('#username') === username, 'the name is kept');
    person.expect(await person.page.inputValue('#password') === '', 'the password is not kept');
    person.expect(await person.send({ password: person.password }, 'Sign in') === 200, 'status 200');
    person.expectPath('/account/sessions');
    await person.open('/login');
    person.expectPath('/account/sessions');
    await person.open('/login?reauth=1');
    person.expectPath('/login');
  },

  async return_to(person, { username, application, stranger }) {
    const login = (to) => `/login?return_to=${encodeURIComponent(to)}`;
    await person.open('/account/activity');
    person.expectPath('/login');
    await person.send({ username, password: person.password }, 'Sign in');
    person.expectPath('/account/activity');

    await person.open(login(`${application}/`));
    await person.expectText('You are signed in as');
    await person.page.goto('about:blank');
    await person.context.clearCookies();
    await person.open(login(`${application}/`));
    const arrival = person.page.waitForURL(`${application}/`);
    await person.send({ username, password: person.password }, 'Sign in');
    await arrival;

    await person.context.clearCookies();
    await person.open(login(`${stranger}/`));
    await person.send({ username, password: person.password }, 'Sign in');
    person.expectPath('/account/sessions');
  },

  async devices(person, { username }) {
    const [second, third] = [await person.elsewhere(), await person.elsewhere()];
    for (const each of [person, second, third]) await each.signIn(username);
    await person.open('/account/sessions');
    await person.picture('page-devices');
    await person.press(person.page.getByRole('list').getByRole('button', { name: /^End/ }).first());
    await person.expectText('The device is signed out.');
    const alive = [await second.isSignedIn(), await third.isSignedIn()];
    person.expect(alive.filter(Boolean).length === 1, `one of two is signed in: ${alive}`);
    await person.open('/account/sessions');
    await person.press(person.page.getByRole('button', { name: 'End all others' }));
    person.expect(!(await second.isSignedIn()) && !(await third.isSignedIn()), 'the others are ended');
    person.expect(await person.isSignedIn(), 'this device stays');

    await second.signIn(username);
    await person.open('/account/sessions/end-all');
    await person.press(person.page.getByRole('main').getByRole('button'));
    person.expectPath('/login');
    person.expect(!(await second.isSignedIn()) && !(await person.isSignedIn()), 'all are ended');
    await Promise.all([second, third].map((each) => each.context.close()));
  },

  async password(person, { username }) {
    const other = await person.elsewhere();
    for (const each of [person, other]) await each.signIn(username);
    await person.open('/account/security');
    await person.picture('page-password');
    const wrong = { current_password: 'wrong horse', new_password: 'a walk in the park' };
    person.expect(await person.send(wrong, 'Change the password') === 401, 'status 401');
    const change = { ...wrong, current_password: person.password };
    person.expect(await person.send(change, 'Change the password') === 200, 'status 200');
    person.expect(await person.isSignedIn() && !(await other.isSignedIn()), 'only this device stays');
    await person.open('/account/activity');
    await person.picture('page-activity');
    person.expect(await other.signIn(username) === 401, 'the old password is refused');
    person.expect(await other.signIn(username, change.new_password) === 200, 'the new one is accepted');
    await other.context.close();
  },

  async too_many_tries(person, { username }) {
    let status = 401;
    for (let tries = 0; status === 401 && tries < 5; tries += 1) status = await person.signIn(username, 'wrong horse');
    person.expect(status === 429, 'status 429');
    await person.expectText('Too many tries.');
    const body = await person.page.locator('body').innerText();
    const seconds = Number(/in .?(\d+).? second/.exec(body)?.[1]);
    person.expect(seconds > 0 && seconds <= 10, `a time to wait in ${body.slice(0, 400)}`);
    await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
    person.expect(await person.signIn(username) === 200, 'the told time is enough');
  },

  async closed_registration(person) {
    await person.open('/login');
    person.expect(await person.page.getByRole('link', { name: 'Create an account' }).count() === 0, 'no link');
    const response = await person.open('/register');
    person.expect(response.status() === 403, 'status 403');
    await person.expectText('Registration is closed');
  },

  async live(person, { username }) {
    const signInElsewhere = async () => {
      const other = await person.elsewhere();
      await other.signIn(username);
      await other.context.close();
    };
    const part = person.page.locator('[data-live=audit]');
    const logins = part.locator('tr', { hasText: username }).filter({ hasText: 'login_succeeded' });
    const pause = person.page.getByRole('button', { name: 'Pause updates' });
    await person.signIn(username);
    await person.open('/admin');
    person.expect(await logins.count() === 1, 'its own login');
    if (!person.script) {
      person.expect(!(await pause.isVisible()), 'nothing to pause');
      await signInElsewhere();
      await person.page.getByRole('link', { name: 'Refresh', exact: true }).click();
      await logins.nth(1).waitFor();
      return;
    }

    await person.page.getByText('Live.', { exact: true }).waitFor();
    person.expect(!(await person.page.getByRole('link', { name: 'Refresh', exact: true }).isVisible()), 'no link');
    await signInElsewhere();
    await logins.nth(1).waitFor();
    await person.picture('page-console');

    // A part with the focus in it waits.
    const counted = await person.page.locator('[data-live=stats] .big').first().innerText();
    await part.getByRole('link').first().focus();
    await part.evaluate((element) => { element.dataset.mark = 'kept'; });
    await signInElsewhere();
    const isCounted = (before) => document.querySelector('[data-live=stats] .big').innerText !== before;
    await person.page.waitForFunction(isCounted, counted);
    person.expect(await part.getAttribute('data-mark') === 'kept', 'the part with the focus stays');
    await person.page.evaluate(() => document.activeElement.blur());
    await logins.nth(2).waitFor();
    person.expect(await part.getAttribute('data-mark') === null, 'the part is replaced');

    await pause.click();
    await person.page.getByText('Paused.', { exact: true }).waitFor();
    await part.evaluate((element) => { element.dataset.mark = 'paused'; });
    await signInElsewhere();
    // Longer than between two updates.
    await person.page.waitForTimeout(2_500);
    person.expect(await part.getAttribute('data-mark') === 'paused', 'nothing changes while it is paused');
    await person.page.getByRole('button', { name: 'Resume updates' }).click();
    await logins.nth(3).waitFor();

    await part.getByRole('link', { name: username, exact: true }).first().click();
    await person.page.waitForURL(/admin\/users\//);
    await person.picture('page-user', 900);
    await person.open('/admin/keys');
    await person.picture('page-keys');

    await person.open('/admin');
    await person.page.getByText('Live.', { exact: true }).waitFor();
    await person.page.evaluate(() => fetch('/v1/logout', { method: 'POST' }));
    await person.page.getByText('Your session has ended.').waitFor();
  },

  async other_origin(person, { username, stranger }) {
    await person.signIn(username);
    for (const path of ['/logout', '/account/sessions/end-all', '/login', '/language']) {
      await person.page.goto(`${stranger}/form?to=${encodeURIComponent(person.origin + path)}`);
      person.expect(await person.press(person.page.getByRole('button')) === 403, `a form to ${path} gets 403`);
      await person.expectText('This form was sent from another page.');
    }
    const isRefusal = (message) => message.text().startsWith('Framing');
    const refusal = person.page.waitForEvent('console', isRefusal);
    await person.page.goto(`${stranger}/frame?to=${encodeURIComponent(`${person.origin}/login`)}`);
    await refusal;
    const inner = await person.page.frames().at(-1).locator('input').count().catch(() => 0);
    person.expect(inner === 0, 'no form in a frame');
    person.expect(await person.isSignedIn(), 'still signed in');
  },
};

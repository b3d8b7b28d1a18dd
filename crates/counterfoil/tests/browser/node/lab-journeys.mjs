// Journeys of a person through the pages of the lab.
import { readFileSync } from 'node:fs';

/** Makes a lab, which is shown; its path. */
async function makeLab(person) {
  await person.open('/lab');
  person.expect(await person.send({}, 'Make a lab and log in') === 200, 'a lab');
  return new URL(person.page.url()).pathname;
}

/** Clicks a link to a file; its name and its text. */
async function save(person, link) {
  const [download] = await Promise.all([person.page.waitForEvent('download'), link.click()]);
  return [download.suggestedFilename(), readFileSync(await download.path(), 'utf8')];
}

export const LAB_JOURNEYS = {
  async lab(person) {
    const main = person.page.getByRole('main');
    const lab = await makeLab(person);
    await person.expectText('token hash');
    person.expect(await person.send({}, 'Log out') === 200, 'the logout is played');
    await person.expectText('Keys only: refused');
    person.expect(await main.getByRole('img', { name: /after the logout/ }).count() === 1, 'one of the two pictures is seen');
    await person.picture('page-lab-act', 1010);
    await main.getByRole('link', { name: 'Back', exact: true }).click();
    await person.page.waitForURL(/step=3$/);
    await person.expectText('Keys only: still accepted');
    await main.getByRole('link', { name: '1 Log in', exact: true }).click();
    await person.page.waitForURL(/step=1$/);
    person.expect(!(await main.innerText()).includes('Client logs out'), 'the first step shows nothing of the logout');
    await main.getByRole('link', { name: 'Next step', exact: true }).click();
    await person.page.waitForURL(/step=2$/);
    await person.expectText('Client logs out');
    const trace = await (await person.open(`${lab}/trace.json`)).json();
    person.expect(trace.act === 'logout' && trace.frames.length > 10, 'the trace is JSON');
    await person.open('/lab');
    await person.picture('page-lab');
    const row = main.getByRole('listitem').filter({ has: person.page.locator(`a[href="${lab}"]`) });
    await person.press(row.getByRole('button'));
    person.expect((await person.open(lab)).status() === 404, 'the lab is removed');
  },

  async lab_clock(person) {
    const main = person.page.getByRole('main');
    await makeLab(person);
    person.expect(await person.send({}, '+ 15 min') === 200, 'the clock is moved');
    await person.expectText('15 min ahead of this machine');
    await person.expectText('because its access token was refused');
    await main.getByRole('link', { name: '2 + 15 min', exact: true }).click();
    await person.page.waitForURL(/step=2$/);
    const hybrid = main.getByRole('article', { name: 'Hybrid' });
    const session = main.getByRole('article', { name: 'Session' });
    person.expect((await hybrid.innerText()).includes('Issuer: refused'), 'the access token has expired');
    person.expect((await session.innerText()).includes('Issuer: accepted'), 'the session has not');
    person.expect(await person.send({}, '+ 1 day') === 200, 'a day later');
    person.expect((await session.innerText()).includes('Issuer: refused'), 'the session was not used for a day');
    person.expect((await hybrid.innerText()).includes('Service A: accepted'), 'the hybrid has refreshed');
  },

  async lab_questions(person, { questions }) {
    for (const number of questions) {
      await person.open('/lab/questions');
      const name = `Show me the answer to question ${number}`;
      person.expect(await person.press(person.page.getByRole('button', { name, exact: true })) === 200, `answer ${number}`);
      person.expectPath(`/lab/questions/${number}`);
      await person.expectText('What is seen here');
      await person.expectText('Played: ');
    }
    await person.open('/lab/questions');
    const seen = await person.page.getByRole('link', { name: /^See what was played for question/ }).count();
    person.expect(seen === questions.length, `links to the answers: ${seen}`);
  },

  async lab_choose(person) {
    const main = person.page.getByRole('main');
    await person.open('/lab/choose');
    await person.send({}, 'Show the answer');
    await person.expectText('Choose at least one.');
    person.expect((await person.page.title()).startsWith('Error: '), 'a title with Error');
    await main.getByLabel('Single-page applications', { exact: true }).check();
    person.expect(await person.send({}, 'Show the answer') === 200, 'an answer');
    person.expect(new URL(person.page.url()).searchParams.get('spa') === 'on', 'the answers are in the address');
    const advice = main.getByRole('region', { name: 'What suits' });
    person.expect((await advice.innerText()).includes('Session'), 'a session');
    await person.picture('page-choose', 1100);

    const [name, text] = await save(person, main.getByRole('link', { name: 'counterfoil.toml', exact: true }));
    person.expect(name === 'counterfoil.toml' && text.startsWith('#'), `${name}: ${text.slice(0, 80)}`);
    const [answers, json] = await save(person, main.getByRole('link', { name: 'answers', exact: true }));
    person.expect(answers === 'answers.json' && JSON.parse(json).clients[0] === 'spa', `${answers}: ${json}`);

    const change = main.getByRole('region', { name: 'What would change it' });
    await change.getByRole('link', { name: /Services of our own$/ }).click();
    await person.page.waitForURL(/verifiers=own-services#advice$/);
    person.expect((await advice.innerText()).includes('Hybrid'), 'the hybrid for services of our own');
  },

  async lab_token(person) {
    const lab = await makeLab(person);
    const { frames } = await (await person.open(`${lab}/trace.json`)).json();
    const login = frames.find(({ mode, kind }) => mode === 'jwt' && kind === 'answer');
    await person.open('/lab/token');
    await person.page.fill('textarea[name=token]', 'hello');
    person.expect(await person.send({}, 'Take it apart') === 422, 'status 422');
    const token = JSON.parse(login.wire.body).access_token;
    const sent = [];
    person.page.on('request', (request) => sent.push(`${request.url()} ${request.postData()} ${JSON.stringify(request.headers())}`));
    const isSent = () => token.split('.').some((part) => sent.some((request) => request.includes(part)));
    await person.page.fill('textarea[name=token]', token);
    const decoded = person.page.getByRole('region', { name: 'Decoded in this browser' });
    if (person.script) {
      await decoded.getByText('Nothing was sent').waitFor();
      const payload = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
      const shown = await decoded.innerText();
      for (const value of [payload.iss, payload.sub, payload.sid, 'at+jwt', 'from this time on it is not valid', ...token.split('.')]) {
        person.expect(shown.includes(value), `${value} in ${shown}`);
      }
      person.expect(/ UTC \(in \d+ \w+\)/.test(shown), `a time in ${shown}`);
      const textarea = person.page.locator('textarea[name=token]');
      for (const [text, sentence] of [['cfs_AAAAAAAAAAAAAAAAAAAAAA.x', 'A session token of the session AAAAAAAAAAAAAAAAAAAAAA.'],
        ['a.b.c', 'is not a JSON object'], ['hello', 'This is not a whole token.']]) {
        await textarea.fill(text);
        await decoded.getByText(sentence).waitFor();
        person.expect(!(await decoded.innerText()).includes(payload.sub), 'the former token is not shown');
      }
      await textarea.fill(token);
      await decoded.getByText('Nothing was sent').waitFor();
    }
    person.expect(await decoded.count() === Number(person.script), 'decoded by the script alone');
    person.expect(!isSent(), `nothing of the token is sent: ${sent}`);
    person.expect(await person.send({}, 'Take it apart') === 200, 'it is taken apart');
    person.expect(isSent(), 'the form sends it, as the test sees');
    await person.expectText('from this time on it is not valid');
    await person.expectText('Its issuer accepts it now');
    await person.picture('page-token', 1100);
  },

  async measure(person) {
    const main = person.page.getByRole('main');
    await person.open('/lab');
    await main.getByRole('link', { name: 'What each mode costs on this machine', exact: true }).click();
    await main.getByRole('button', { name: 'Measure now', exact: true }).waitFor();
    person.expect(await person.send({}, 'Measure now') === 200, 'a measurement is started');
    // With script the report comes by itself.
    const reload = main.getByRole('link', { name: 'Load it every 2 seconds', exact: true });
    if (!person.script && await reload.count() > 0) await reload.click();
    await main.getByRole('heading', { name: 'Sessions, JWTs and the hybrid on this machine' }).waitFor({ timeout: 60_000 });
    await person.expectText('Each request carries');
    await person.picture('page-report');
    const path = new URL(person.page.url()).pathname;
    const report = await (await person.open(`${path}/report.json`)).json();
    person.expect(report.schema === 'counterfoil/lab-report/1', 'the report is JSON');
  },
};

// Carries lines over TLS with Node's tls; name=value arguments as matrix.peers.programs says.
import fs from 'node:fs';
import readline from 'node:readline';
import tls from 'node:tls';

const wishes = Object.fromEntries(process.argv.slice(2).map((a) => a.split(/=(.*)/s).slice(0, 2)));
const NO_EXTENDED_MASTER_SECRET = 1 << 0, NO_TICKET = 1 << 14, NO_ENCRYPT_THEN_MAC = 1 << 19;
const version = wishes.version.replace('TLS ', 'TLSv').replace('v1.0', 'v1');
const options = {
  minVersion: version,
  maxVersion: version,
  ciphers: wishes.suite + (version === 'TLSv1.3' ? '' : ':@SECLEVEL=0'),
  secureOptions: (wishes.ems === '0' ? NO_EXTENDED_MASTER_SECRET : 0)
    | (wishes.etm === '0' ? NO_ENCRYPT_THEN_MAC : 0)
    | (wishes.ticket === '0' ? NO_TICKET : 0),
  ...(wishes.retry === '1' ? { ecdhCurve: wishes.role === 'server' ? 'P-384' : 'X25519:P-384' } : {}),
};
const identity = { cert: fs.readFileSync(wishes.certificate), key: fs.readFileSync(wishes.key) };
const log = (line) => fs.appendFileSync(wishes.keylog, line);

if (wishes.role === 'server') {
  const sessions = new Map();
  const server = tls.createServer({
    ...options, ...identity,
    dhparam: fs.readFileSync(wishes.groups),
    requestCert: wishes.mutual === '1',
    rejectUnauthorized: wishes.mutual === '1',
    ca: fs.readFileSync(wishes.authority),
  }, (socket) => {
    socket.on('error', () => {});
    readline.createInterface({ input: socket, crlfDelay: 0 })
      .on('line', (line) => socket.write(`200 OK: ${line}\n`));
  });
  server.on('keylog', log);
  server.on('tlsClientError', (error) => console.error(String(error)));
  if (wishes.ticket === '0') {
    server.on('newSession', (id, data, done) => { sessions.set(id.toString('hex'), data); done(); });
    server.on('resumeSession', (id, done) => done(null, sessions.get(id.toString('hex')) ?? null));
  }
  server.listen(Number(wishes.port), '127.0.0.1');
} else {
  const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  let session, more = true;
  while (more) {
    const socket = tls.connect({
      ...options, ...(wishes.mutual === '1' ? identity : {}),
      port: Number(wishes.port), host: '127.0.0.1', rejectUnauthorized: false, session,
    });
    socket.on('keylog', log);
    socket.on('session', (value) => { session = value; });
    socket.on('error', (error) => { console.error(String(error)); process.exit(1); });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    const answers = readline.createInterface({ input: socket })[Symbol.asyncIterator]();
    more = false;
    for (let { value, done } = await lines.next(); !done; { value, done } = await lines.next()) {
      if (value === '.') { more = true; break; }
      socket.write(`${value}\n`);
      process.stdout.write(`${(await answers.next()).value}\n`);
    }
    socket.end();
    await new Promise((resolve) => socket.once('close', resolve));
  }
}

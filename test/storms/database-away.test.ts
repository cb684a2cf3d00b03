import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { anAppliance } from '../support/appliance.ts';
import { freshDatabase } from '../support/database.ts';
import { FAST } from '../support/timing.ts';
import { paddedVideo } from '../support/videos.ts';

describe('a database that is away for longer than a dead pool would be silent', () => {
  it('ends neither the process nor the post that is being sent', async () => {
    const { connection } = await freshDatabase();
    const { host, port, user, database } = connection as Record<string, string>;
    const sockets = new Set<Socket>();
    const line = await aLine(`${host}/.s.PGSQL.${port}`, sockets, 0);
    const linePort = (line.address() as { port: number }).port;
    const url = `postgres://${user}@127.0.0.1:${linePort}/${database}`;
    await using app = await anAppliance({ LOG_LEVEL: 'warn', DATABASE_URL: url }, FAST);
    const client = await app.creator();
    const { json: media } = await client.upload(await paddedVideo(66_000_000));
    app.sandbox.state.faults.push({ endpoint: 'upload', kind: 'slow', count: 3 });
    const job = client.job(media['storage_key']);
    const { json } = await client.api('POST', '/v1/jobs', job);
    while (app.sandbox.state.publishes.length === 0) await sleep(50);
    line.close();
    for (const socket of sockets) socket.destroy();
    // The outage itself: nobody beats for half as long again as declares a pool dead.
    await sleep(1.5 * (FAST.silentMs ?? 0));
    const again = await aLine(`${host}/.s.PGSQL.${port}`, sockets, linePort);
    expect((await client.ended(json['id'], 100_000))['status']).to.equal('finished');
    expect(app.process().exitCode).to.equal(null);
    expect(app.output()).not.to.contain('declared_dead');
    const posts = app.sandbox.state.publishes.filter((each) => each.status === 'PUBLISH_COMPLETE');
    expect(posts).to.have.length(1);
    expect(await app.stop()).to.equal(0);
    again.close();
    for (const socket of sockets) socket.destroy();
  });
});

/** A line to the database that can be cut. */
function aLine(path: string, sockets: Set<Socket>, port: number): Promise<Server> {
  const server = createServer((socket) => {
    const beyond = createConnection(path);
    for (const end of [socket, beyond]) {
      sockets.add(end);
      end.on('error', () => {});
    }
    socket.pipe(beyond).pipe(socket);
    socket.on('close', () => beyond.destroy());
    beyond.on('close', () => socket.destroy());
  });
  return new Promise((done) => server.listen(port, '127.0.0.1', () => done(server)));
}

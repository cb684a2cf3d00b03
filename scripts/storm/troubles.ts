// Carries the planned troubles out, one after the other or overlapping, and notes when each was.
import type { Occurrence } from './happenings.ts';
import { watchKill } from './latency.ts';
import type { Member } from './member.ts';
import { pause } from './pause.ts';
import type { Trouble } from './plan.ts';
import type { Scene } from './scene.ts';

export async function causeTroubles(
  scene: Scene,
  troubles: Trouble[],
  signal: AbortSignal,
): Promise<void> {
  const busy = new Map<unknown, Promise<void>>();
  const underWay: Promise<void>[] = [];
  for (const trouble of troubles) {
    await pause(trouble.pauseMs, signal);
    if (signal.aborted) break;
    // Two troubles of one process, or of the database, come one after the other.
    const subject = findSubject(scene, trouble);
    await busy.get(subject);
    const work = cause(scene, trouble);
    busy.set(subject, work);
    underWay.push(work);
    if (!trouble.overlaps) await work;
  }
  await Promise.all(underWay);
}

function findSubject({ members }: Scene, { kind, member }: Trouble): unknown {
  if (kind === 'kill' || kind === 'stop') return members[member ?? 0];
  if (kind === 'full_disk' || kind === 'bucket_away') return 'storage';
  return 'database';
}

async function cause(scene: Scene, trouble: Trouble): Promise<void> {
  const member = trouble.member === null ? null : (scene.members[trouble.member] as Member);
  const occurrence: Occurrence = {
    ...{ kind: trouble.kind, member: member?.name ?? null },
    ...{ from: Date.now(), to: Number.POSITIVE_INFINITY },
  };
  scene.occurrences.push(occurrence);
  await ACTS[trouble.kind](scene, trouble, member ?? (scene.members[0] as Member));
  occurrence.to = Date.now();
}

type Act = (scene: Scene, trouble: Trouble, member: Member) => Promise<void>;

const ACTS: Record<Trouble['kind'], Act> = {
  async kill(scene, { lastsMs }, member) {
    await member.kill();
    await watchKill(scene, member);
    await pause(lastsMs, scene.signal);
    member.start();
  },
  async stop({ signal }, { lastsMs }, member) {
    member.signal('SIGSTOP');
    await pause(lastsMs, signal);
    member.signal('SIGCONT');
  },
  async cut({ members, signal }, { lastsMs, member: only }, member) {
    const lines = only === null ? members.map((each) => each.line) : [member.line];
    for (const line of lines) line.cut();
    await pause(lastsMs, signal);
    for (const line of lines) line.restore();
  },
  async swallow({ signal }, { lastsMs, keepsFarEnds }, member) {
    member.line.swallow(keepsFarEnds);
    await pause(lastsMs, signal);
  },
  async crash_database({ database, signal }, { lastsMs }) {
    await database.crash();
    await pause(lastsMs, signal);
    await database.recover();
  },
  async full_disk({ disk, signal }, { lastsMs }) {
    disk?.fill();
    await pause(lastsMs, signal);
    disk?.empty();
  },
  async bucket_away({ bucket, signal }, { lastsMs }) {
    const faults = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'].map((method) => ({
      ...{ method, match: /./, status: 503, count: Number.POSITIVE_INFINITY },
    }));
    bucket?.faults.push(...faults);
    await pause(lastsMs, signal);
    bucket?.faults.splice(0);
  },
};

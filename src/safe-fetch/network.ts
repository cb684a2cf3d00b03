// Resolves names and places connections; tests replace both to stay on loopback.
import { lookup, Resolver } from 'node:dns/promises';

export interface Network {
  /** Returns every A and AAAA address of a name. It is called once for each request. */
  resolve(hostname: string): Promise<string[]>;
  /** Returns where a connection to this address goes; the address itself, except in tests. */
  place(address: string, port: number): { address: string; port: number };
}

const LOOKUP_MS = 5_000;
const place: Network['place'] = (address, port) => ({ address, port });

/**
 * Asks name servers directly, by default the machine's. The machine's hosts file and search domains
 * are not used, since they do not name a creator's server. `lookup` would also block one of the
 * four threads that read and write files, for as long as a foreign name server takes.
 */
export function internet(nameServers?: string[]): Network {
  return {
    place,
    async resolve(hostname) {
      const resolver = new Resolver({ timeout: LOOKUP_MS, tries: 2 });
      if (nameServers) resolver.setServers(nameServers);
      const answers = await Promise.allSettled([
        resolver.resolve4(hostname),
        resolver.resolve6(hostname),
      ]);
      const found = answers.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
      const [fault] = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
      if (found.length === 0 && fault) throw fault;
      return found;
    },
  };
}

/** Resolves names as the machine does, for a closed test network. */
export const neighbourhood: Network = {
  place,
  async resolve(hostname) {
    const found = await lookup(hostname, { all: true, order: 'ipv4first' });
    return found.map(({ address }) => address);
  },
};

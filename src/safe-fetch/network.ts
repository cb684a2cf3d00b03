// How a name becomes addresses and an address a connection; tests on loopback bring another one.
import { lookup, Resolver } from 'node:dns/promises';

export interface Network {
  /** Every A and AAAA address of a name, asked once for each request. */
  resolve(hostname: string): Promise<string[]>;
  /** Where a connection to this address really goes. */
  place(address: string, port: number): { address: string; port: number };
}

const LOOKUP_MS = 5_000;
const place: Network['place'] = (address, port) => ({ address, port });

/**
 * Asks name servers itself, by default the machine's: neither the machine's own list of hosts nor its
 * search domains mean a creator's server. `lookup` would also block one of the four threads that read
 * and write files, for as long as somebody's name server likes.
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

/** As the machine itself looks names up, for a closed test network. */
export const neighbourhood: Network = {
  place,
  async resolve(hostname) {
    const found = await lookup(hostname, { all: true, order: 'ipv4first' });
    return found.map(({ address }) => address);
  },
};

// How a name becomes addresses and an address a connection; tests on loopback bring another one.
import { lookup } from 'node:dns/promises';

export interface Network {
  /** Every A and AAAA address of a name, asked once for each request. */
  resolve(hostname: string): Promise<string[]>;
  /** Where a connection to this address really goes. */
  place(address: string, port: number): { address: string; port: number };
}

export const internet: Network = {
  async resolve(hostname) {
    const found = await lookup(hostname, { all: true, order: 'ipv4first' });
    return found.map(({ address }) => address);
  },
  place: (address, port) => ({ address, port }),
};

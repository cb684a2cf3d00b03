// Tells public addresses from those of this machine, its networks and its cloud.
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
/** In a public range, but on Azure's machines it leads to Azure's own agent. */
const PLATFORM_ADDRESSES = ['168.63.129.16'];

/**
 * Whether an address is globally routable unicast; false when that is not known. IPv6 addresses
 * that contain an IPv4 address (mapped, compatible, translated, 6to4, Teredo, ISATAP) are never
 * public: no server on the internet needs them, and the translator may be in our own network.
 */
export function isPublicAddress(address: string): boolean {
  // A zone (`fe80::1%eth0`) names a network of this machine.
  if (isIP(address) === 0 || address.includes('%')) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  if (parsed instanceof ipaddr.IPv6) return parsed.match(GLOBAL_UNICAST) && !isIsatap(parsed);
  return !PLATFORM_ADDRESSES.includes(parsed.toString());
}

/** RFC 5214 §6.1: the interface id is `[02]00:5efe` and an IPv4 address. */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe;
}

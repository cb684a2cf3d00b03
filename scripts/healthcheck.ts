// Exits with 0 when /healthz answers, else with 1, for the image's HEALTHCHECK.
import { readConfig } from '../src/base/config.ts';

const { PORT } = readConfig();
const answer = await fetch(`http://127.0.0.1:${PORT}/healthz`).catch(() => null);
process.exit(answer?.ok ? 0 : 1);

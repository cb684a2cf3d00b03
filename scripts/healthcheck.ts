// For the image's HEALTHCHECK: 0 when /healthz answers, else 1.
import { readConfig } from '../src/base/config.ts';

const { PORT } = readConfig();
const answer = await fetch(`http://127.0.0.1:${PORT}/healthz`).catch(() => null);
process.exit(answer?.ok ? 0 : 1);

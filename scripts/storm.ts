// `npm run storm`: processes die, lines break, TikTok fails, and every post must still be made once.
import { runScript, ScriptFault } from './fault.ts';
import { parseOptions } from './storm/options.ts';
import { writeReport } from './storm/report.ts';
import { runStorm } from './storm/run.ts';

await runScript(async (signal) => {
  const options = parseOptions(process.argv.slice(2));
  const tell = (sentence: string) => void process.stdout.write(`${sentence}\n`);
  const report = await runStorm(options, { signal, tell });
  process.stdout.write(writeReport(report, options));
  if (report.breaks.length > 0) throw new ScriptFault('A promise was broken.');
});

// Mocha's spec reporter with one plain last line, or its numbers in the file that PM3K_TALLY names, where scripts/test.sh adds its own.
const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

module.exports = class extends reporters.Spec {
  constructor(...args) {
    super(...args);
    // Until mocha says otherwise: it ends with 0 when a parallel run is interrupted.
    process.exitCode = 1;
  }

  done(failed, exit) {
    const { passes, pending } = this.stats;
    const tally = process.env.PM3K_TALLY;
    process.on('exit', () => {
      if (tally) writeFileSync(tally, `${passes} ${failed} ${pending}\n`);
      else process.stdout.write(`${passes} passed, ${failed} failed${pending ? `, ${pending} skipped` : ''}\n`);
      if (failed > 0) process.exitCode = 1;
    });
    exit(failed);
  }
};

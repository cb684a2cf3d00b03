// Mocha's spec reporter with one plain last line; failed checks before the tests count as one failure.
const { reporters } = require('mocha');

module.exports = class extends reporters.Spec {
  done(failures, exit) {
    const { passes, pending } = this.stats;
    const checks = process.env.PM3K_CHECKS === '1' ? 1 : 0;
    const failed = failures + checks;
    process.on('exit', () => {
      process.stdout.write(`${passes} passed, ${failed} failed${pending ? `, ${pending} skipped` : ''}\n`);
      if (failed > 0) process.exitCode = 1;
    });
    exit(failed);
  }
};

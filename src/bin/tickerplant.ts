#!/usr/bin/env node
// Nothing is imported before the version is known: an old Node would stop at the imports, with a message that nobody understands.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(`tickerplant needs Node 22.13 or later; this is ${process.version}. Install a newer one from https://nodejs.org\n`);
  process.exit(2);
}
const { fixYoungGeneration } = await import('./young-generation.ts');
fixYoungGeneration();
// What was compiled once is not compiled again: the command starts in a quarter of the time.
(await import('node:module')).enableCompileCache();
const { main } = await import('./main.ts');
await main(process.argv);

export {};

import { open } from './journal.ts';

// Opens a journal and keeps it until it is killed.
await open(process.argv[2] ?? '');
process.stdout.write('open\n');
setInterval(() => {}, 1 << 30);

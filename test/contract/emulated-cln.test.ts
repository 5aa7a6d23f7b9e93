import { emulatedTarget } from './targets/emulated.ts';
import { describeContract } from './vitest.ts';

const target = () => emulatedTarget({ payer: 'cln' });

describeContract('lightning-backend', 'cln (emulated)', target);
describeContract('tickerplant-flow', 'cln (emulated)', target);

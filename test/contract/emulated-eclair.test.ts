import { emulatedTarget } from './targets/emulated.ts';
import { describeContract } from './vitest.ts';

const target = () => emulatedTarget({ payer: 'eclair' });

describeContract('lightning-backend', 'eclair (emulated)', target);
describeContract('tickerplant-flow', 'eclair (emulated)', target);

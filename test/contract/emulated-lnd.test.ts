import { emulatedTarget } from './targets/emulated.ts';
import { describeContract } from './vitest.ts';

const lnd = () => emulatedTarget({ payer: 'lnd' });

describeContract('lightning-backend', 'emulated lnd', lnd);
describeContract('tickerplant-flow', 'emulated lnd', lnd);

import { simulatedTarget } from './targets/simulated.ts';
import { describeContract } from './vitest.ts';

describeContract('lightning-backend', 'simulated', simulatedTarget);
describeContract('tickerplant-flow', 'simulated', simulatedTarget);

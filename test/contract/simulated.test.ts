import { describeContract } from './vitest.ts';
import { simulatedTarget } from './targets/simulated.ts';

describeContract('lightning-backend', 'simulated', simulatedTarget);
describeContract('tickerplant-flow', 'simulated', simulatedTarget);

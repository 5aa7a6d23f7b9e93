import type { Ledger } from '../core/ports/ledger.ts';
import type { Tickerplant } from '../core/tickerplant/tickerplant.ts';
import type { Operations } from '../transport/http/services.ts';

/** What HTTP's health and metrics ask of a running tickerplant. */
export function operationsOf(tickerplant: Tickerplant, ledger: Ledger): Operations {
  return {
    counters: () => tickerplant.counters,
    revoke: (subscription) => tickerplant.revoke({ subscription }),
    async readiness() {
      const answers = await ledger.quote('readiness').then(
        () => true,
        () => false,
      );
      return { node: tickerplant.settlementStatus.state === 'live', ledger: answers, journal: tickerplant.isRecording };
    },
  };
}

import { type Msat, msat, sumMsat } from '../../core/lightning/amount.ts';
import { txId } from '../../core/lightning/identifiers.ts';
import type { WalletBalance, WalletTransaction } from '../../core/lightning/wallet.ts';
import type { ClnOutput, ClnTransaction } from './schema-wallet.ts';

/** The wallet's balance; what is reserved for a transaction in the making is still ours, what is immature is to come. */
export function toWalletBalance(outputs: readonly ClnOutput[]): WalletBalance {
  const of = (...states: readonly string[]): Msat =>
    sumMsat(outputs.filter(({ status }) => states.includes(status)).map((one) => one.amount_msat));
  return { confirmedMsat: of('confirmed'), unconfirmedMsat: of('unconfirmed', 'immature') };
}

/**
 * A transaction with what it changed for us: lightningd does not say, but lists all outputs that are or were ours, spent
 * ones too. The fee is known where all inputs are ours.
 */
export function toWalletTransaction(transaction: ClnTransaction, ours: ReadonlyMap<string, Msat>, height: number): WalletTransaction {
  const spent = transaction.inputs.map((input) => ours.get(`${input.txid}:${input.index}`));
  const out = sumMsat(spent.filter((amount) => amount !== undefined));
  const received = sumMsat(transaction.outputs.map((output) => ours.get(`${transaction.hash}:${output.index}`) ?? msat(0n)));
  const paid = sumMsat(transaction.outputs.map((output) => output.amount_msat));
  const allOurs = spent.length > 0 && spent.every((amount) => amount !== undefined);
  return {
    txId: txId(transaction.hash),
    deltaMsat: received - out,
    feeMsat: allOurs && out >= paid ? msat(out - paid) : undefined,
    confirmations: transaction.blockheight === 0 ? 0 : Math.max(0, height - transaction.blockheight + 1),
    at: undefined,
  };
}

import type { Transport } from '../../core/tickerplant/service.ts';
import type { MqttConfig } from './config.ts';
import { ForeignBroker } from './foreign-broker.ts';
import { type BrokerOptions, OwnBroker } from './own-broker.ts';

/** Devices over MQTT: a broker inside the server, or one that the seller has already. `start` throws {@link ListenError}. */
export function mqttTransport(config: MqttConfig, options: BrokerOptions): Transport {
  return 'broker' in config ? new ForeignBroker(config, options) : new OwnBroker(config, options);
}

/** eclair's refusal of a request: a status and a text, as they go over the wire. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A field of the form that can't be read, in akka's words. */
export function malformed(field: string, why: string): ApiRefusal {
  return new ApiRefusal(400, `The form field '${field}' was malformed:\n${why}`);
}

/** An actor that was asked and said nothing. */
export function askTimedOut(actor: string, message: string, seconds: number): ApiRefusal {
  const text = `Ask timed out on [Actor[akka://eclair-node/user/${actor}]] after [${seconds * 1000} ms]. Message of type [${message}].`;
  return new ApiRefusal(500, `${text} A typical reason for \`AskTimeoutException\` is that the recipient actor didn't send a reply.`);
}

// Started by test_node_sdk.py, one test after the other; each is told as a test of its own there.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { after, test } from "node:test";

const require = createRequire(process.env.NODE_PACKAGES);
const { ServiceBusAdministrationClient, ServiceBusClient } = require("@azure/service-bus");
const CONNECTION_STRING = process.env.EMULATOR_CONNECTION_STRING;
const IMPATIENT = { retryOptions: { maxRetries: 0, timeoutInMs: 20_000 } };
const client = new ServiceBusClient(CONNECTION_STRING, IMPATIENT);
const admin = new ServiceBusAdministrationClient(CONNECTION_STRING);

after(() => client.close());

const newName = (kind) => `${kind}-${randomUUID()}`;

async function newQueue(properties = {}) {
  const name = newName("queue");
  await admin.createQueue(name, properties);
  return name;
}

async function send(entity, ...messages) {
  const sender = client.createSender(entity);
  await sender.sendMessages(messages);
  await sender.close();
}

async function receive(receiver, count) {
  const messages = [];
  while (messages.length < count) {
    const more = await receiver.receiveMessages(count - messages.length, { maxWaitTimeInMs: 5000 });
    assert.ok(more.length > 0, `only ${messages.length} of ${count} messages came`);
    messages.push(...more);
  }
  return messages;
}

async function listed(iterator) {
  const found = [];
  for await (const each of iterator) found.push(each);
  return found;
}

const bodies = (messages) => messages.map((message) => message.body);

async function fails(code, action) {
  await assert.rejects(action, (error) => {
    assert.equal(error.code, code, error.message);
    return true;
  });
}

test("a message arrives as it was sent", async () => {
  const queue = await newQueue();
  await send(queue, {
    body: { order: 42, items: ["tea", "ü"] },
    messageId: "id",
    correlationId: "correlation",
    subject: "subject",
    contentType: "application/json",
    replyTo: "reply",
    to: "to",
    timeToLive: 60_000,
    applicationProperties: { text: "é", number: 1.5, flag: true, nothing: null },
  });
  const receiver = client.createReceiver(queue);
  const [message] = await receive(receiver, 1);

  assert.deepEqual(message.body, { order: 42, items: ["tea", "ü"] });
  assert.equal(message.messageId, "id");
  assert.equal(message.correlationId, "correlation");
  assert.equal(message.subject, "subject");
  assert.equal(message.contentType, "application/json");
  assert.equal(message.replyTo, "reply");
  assert.equal(message.to, "to");
  assert.equal(message.timeToLive, 60_000);
  assert.equal(message.deliveryCount, 0);
  assert.deepEqual({ ...message.applicationProperties }, { text: "é", number: 1.5, flag: true, nothing: null });
  await receiver.completeMessage(message);
  assert.deepEqual(await receiver.peekMessages(1), []);
  await receiver.close();
});

test("batches are sent as one", async () => {
  const queue = await newQueue();
  const sender = client.createSender(queue);
  const batch = await sender.createMessageBatch();
  assert.ok(batch.tryAddMessage({ body: "1" }));
  assert.ok(batch.tryAddMessage({ body: "2" }));
  assert.ok(!batch.tryAddMessage({ body: "x".repeat(300_000) }));
  await sender.sendMessages(batch);
  await sender.sendMessages([{ body: "3" }, { body: "4" }]);
  const receiver = client.createReceiver(queue, { receiveMode: "receiveAndDelete" });

  assert.deepEqual(bodies(await receive(receiver, 4)), ["1", "2", "3", "4"]);
  await receiver.close();
  await sender.close();
});

test("messages are scheduled, and taken back", async () => {
  const queue = await newQueue();
  const sender = client.createSender(queue);
  const [later] = await sender.scheduleMessages([{ body: "later" }], new Date(Date.now() + 60_000));
  const soon = await sender.scheduleMessages([{ body: "soon" }], new Date(Date.now() + 500));
  await sender.cancelScheduledMessages(later);
  const receiver = client.createReceiver(queue);
  const [message] = await receive(receiver, 1);

  assert.equal(message.body, "soon");
  assert.equal(soon.length, 1);
  await fails("MessageNotFound", sender.cancelScheduledMessages(later));
  await receiver.close();
  await sender.close();
});

test("messages are peeked without being taken", async () => {
  const queue = await newQueue();
  await send(queue, { body: "1" }, { body: "2" }, { body: "3" });
  const receiver = client.createReceiver(queue);

  assert.deepEqual(bodies(await receiver.peekMessages(2)), ["1", "2"]);
  assert.deepEqual(bodies(await receiver.peekMessages(2)), ["3"]);
  const [message] = await receive(receiver, 1);
  assert.equal(message.body, "1");
  await receiver.close();
});

test("messages are abandoned, deferred and dead-lettered", async () => {
  const queue = await newQueue();
  await send(queue, { body: "abandon" }, { body: "defer" }, { body: "bury" });
  const receiver = client.createReceiver(queue);
  const [first, second, third] = await receive(receiver, 3);
  await receiver.deferMessage(second);
  await receiver.deadLetterMessage(third, { deadLetterReason: "why", deadLetterErrorDescription: "because" });
  await receiver.abandonMessage(first, { changed: "yes" });

  const [again] = await receive(receiver, 1);
  assert.equal(again.deliveryCount, 1);
  assert.equal(again.applicationProperties.changed, "yes");
  await receiver.completeMessage(again);
  const [deferred] = await receiver.receiveDeferredMessages(second.sequenceNumber);
  assert.equal(deferred.body, "defer");
  await receiver.completeMessage(deferred);
  const graves = client.createReceiver(queue, { subQueueType: "deadLetter" });
  const [letter] = await receive(graves, 1);
  assert.equal(letter.deadLetterReason, "why");
  assert.equal(letter.deadLetterErrorDescription, "because");
  await graves.completeMessage(letter);
  await graves.close();
  await receiver.close();
});

test("a stream of messages is settled as it is handled", async () => {
  const queue = await newQueue({ maxDeliveryCount: 1 });
  await send(queue, ...Array.from({ length: 20 }, (_, number) => ({ body: number })));
  const receiver = client.createReceiver(queue);
  const seen = [];
  await new Promise((resolve, reject) => {
    // One at a time: of neighbours that are settled at once, the client says that all went as one.
    receiver.subscribe({
      processMessage: async (message) => {
        if (message.body === 7) throw new Error("not this one");
        seen.push(message.body);
        if (seen.length === 19) resolve();
      },
      processError: async ({ error, errorSource }) => {
        if (errorSource !== "processMessageCallback") reject(error);
      },
    });
  });
  await receiver.close();

  assert.deepEqual(seen.sort((a, b) => a - b), Array.from({ length: 20 }, (_, n) => n).filter((n) => n !== 7));
  const graves = client.createReceiver(queue, { subQueueType: "deadLetter" });
  const [letter] = await receive(graves, 1);
  assert.equal(letter.body, 7);
  await graves.close();
});

test("messages are iterated over", async () => {
  const queue = await newQueue();
  await send(queue, { body: "1" }, { body: "2" });
  const receiver = client.createReceiver(queue);
  const seen = [];
  for await (const message of receiver.getMessageIterator()) {
    seen.push(message.body);
    await receiver.completeMessage(message);
    if (seen.length === 2) break;
  }

  assert.deepEqual(seen, ["1", "2"]);
  await receiver.close();
});

test("a wait for messages ends in time", async () => {
  const receiver = client.createReceiver(await newQueue());
  const begun = Date.now();

  assert.deepEqual(await receiver.receiveMessages(1, { maxWaitTimeInMs: 500 }), []);
  assert.ok(Date.now() - begun < 5000);
  await receiver.close();
});

test("locks are renewed, and lost", async () => {
  const queue = await newQueue({ lockDuration: "PT5S" });
  await send(queue, { body: "1" });
  const receiver = client.createReceiver(queue, { maxAutoLockRenewalDurationInMs: 0 });
  const [message] = await receive(receiver, 1);
  const before = message.lockedUntilUtc;

  assert.ok((await receiver.renewMessageLock(message)) >= before);
  await advance(6);
  await fails("MessageLockLost", receiver.renewMessageLock(message));
  await receiver.close();
});

test("a session is received in order, with its state", async () => {
  const queue = await newQueue({ requiresSession: true });
  await send(queue, { body: "1", sessionId: "a" }, { body: "x", sessionId: "b" }, { body: "2", sessionId: "a" });
  const receiver = await client.acceptSession(queue, "a");
  assert.equal(receiver.sessionId, "a");
  await fails("SessionCannotBeLocked", client.acceptSession(queue, "a"));
  const messages = await receive(receiver, 2);
  assert.deepEqual(bodies(messages), ["1", "2"]);
  for (const message of messages) await receiver.completeMessage(message);
  const before = receiver.sessionLockedUntilUtc;
  assert.ok((await receiver.renewSessionLock()) >= before);
  await receiver.setSessionState({ step: 2 });
  assert.deepEqual(await receiver.getSessionState(), { step: 2 });
  await receiver.setSessionState(null);
  assert.equal(await receiver.getSessionState(), null);
  await receiver.close();

  const next = await client.acceptNextSession(queue);
  assert.equal(next.sessionId, "b");
  await new Promise((resolve, reject) => {
    next.subscribe({
      processMessage: async (message) => resolve(message.body),
      processError: async ({ error }) => reject(error),
    });
  }).then((body) => assert.equal(body, "x"));
  await next.close();
});

test("a wait for any session ends in time", async () => {
  const queue = await newQueue({ requiresSession: true });
  const impatient = new ServiceBusClient(CONNECTION_STRING, {
    retryOptions: { maxRetries: 0, timeoutInMs: 1000 },
  });
  await fails("ServiceTimeout", impatient.acceptNextSession(queue));
  await impatient.close();
});

test("rules decide what a subscription gets", async () => {
  const topic = newName("topic");
  await admin.createTopic(topic);
  await admin.createSubscription(topic, "some");
  const rules = client.createRuleManager(topic, "some");
  await rules.deleteRule("$Default");
  await rules.createRule("sql", { sqlExpression: "size > 3 AND colour LIKE 'r%'" }, { sqlExpression: "SET seen = 'yes'" });
  await rules.createRule("correlated", { subject: "wanted", applicationProperties: { kind: "a" } });
  const names = [];
  for (const rule of await rules.getRules()) names.push(rule.name);
  assert.deepEqual(names.sort(), ["correlated", "sql"]);
  await send(
    topic,
    { body: "no", applicationProperties: { size: 1, colour: "red" } },
    { body: "by sql", applicationProperties: { size: 5, colour: "red" } },
    { body: "by correlation", subject: "wanted", applicationProperties: { kind: "a" } },
  );
  const receiver = client.createReceiver(topic, "some", { receiveMode: "receiveAndDelete" });
  const messages = await receive(receiver, 2);

  assert.deepEqual(bodies(messages), ["by sql", "by correlation"]);
  assert.equal(messages[0].applicationProperties.seen, "yes");
  await fails("MessagingEntityNotFound", rules.deleteRule("nobody"));
  await receiver.close();
});

test("queues are administered", async () => {
  const name = newName("queue");
  assert.ok(!(await admin.queueExists(name)));
  const made = await admin.createQueue(name, {
    lockDuration: "PT45S",
    maxDeliveryCount: 3,
    userMetadata: "ours & theirs",
    authorizationRules: [
      { claimType: "SharedAccessKey", accessRights: ["Send"], keyName: "sender", primaryKey: "a2V5MQ==", secondaryKey: "a2V5Mg==" },
    ],
  });
  assert.equal(made.lockDuration, "PT45S");
  assert.equal(made.maxDeliveryCount, 3);
  assert.equal(made.authorizationRules[0].keyName, "sender");
  assert.deepEqual(made.authorizationRules[0].accessRights, ["Send"]);
  made.maxDeliveryCount = 5;
  await admin.updateQueue(made);
  const queue = await admin.getQueue(name);
  assert.equal(queue.maxDeliveryCount, 5);
  assert.equal(queue.userMetadata, "ours & theirs");
  assert.equal(queue.authorizationRules[0].primaryKey, "a2V5MQ==");
  await send(name, { body: "1" });
  const counts = await admin.getQueueRuntimeProperties(name);
  assert.equal(counts.activeMessageCount, 1);
  assert.ok(counts.createdAt instanceof Date);
  const names = [];
  for await (const each of admin.listQueues()) names.push(each.name);
  assert.ok(names.includes(name));
  await fails("MessageEntityAlreadyExistsError", admin.createQueue(name));
  await admin.deleteQueue(name);
  assert.ok(!(await admin.queueExists(name)));
  await fails("MessageEntityNotFoundError", admin.getQueue(name));
});

test("topics, subscriptions and rules are administered", async () => {
  const topic = newName("topic");
  await admin.createTopic(topic, { supportOrdering: true });
  assert.ok(await admin.topicExists(topic));
  const made = await admin.createSubscription(topic, "one", {
    requiresSession: false,
    defaultRuleOptions: { name: "mine", filter: { sqlExpression: "a = 1" } },
  });
  made.maxDeliveryCount = 7;
  assert.equal((await admin.updateSubscription(made)).maxDeliveryCount, 7);
  await admin.createRule(topic, "one", "second", { correlationId: "c" }, { sqlExpression: "SET b = 2" });
  const rule = await admin.getRule(topic, "one", "second");
  assert.equal(rule.filter.correlationId, "c");
  assert.equal(rule.action.sqlExpression, "SET b = 2");
  rule.filter = { sqlExpression: "c = 3" };
  assert.equal((await admin.updateRule(topic, "one", rule)).filter.sqlExpression, "c = 3");
  const rules = [];
  for await (const each of admin.listRules(topic, "one")) rules.push(each.name);
  assert.deepEqual(rules.sort(), ["mine", "second"]);
  assert.equal((await admin.getTopicRuntimeProperties(topic)).subscriptionCount, 1);
  assert.equal((await admin.getSubscriptionRuntimeProperties(topic, "one")).totalMessageCount, 0);
  await admin.deleteRule(topic, "one", "second");
  assert.ok(!(await admin.ruleExists(topic, "one", "second")));
  await admin.deleteSubscription(topic, "one");
  assert.ok(!(await admin.subscriptionExists(topic, "one")));
  await admin.deleteTopic(topic);
  assert.ok(!(await admin.topicExists(topic)));
  assert.equal((await admin.getNamespaceProperties()).messagingSku, "Standard");
});

test("annotated messages arrive with the kind of body that they were sent with", async () => {
  const queue = await newQueue();
  const sent = [
    { bodyType: "value", body: { a: [1, "x", true] } },
    { bodyType: "sequence", body: [1, "two", null] },
    { bodyType: "data", body: "text", header: { priority: 7, durable: true }, properties: { groupId: "g" } },
  ];
  const sender = client.createSender(queue);
  for (const message of sent) {
    await sender.sendMessages({ ...message, messageAnnotations: { "x-opt-mine": "m" } });
  }
  await sender.close();
  const receiver = client.createReceiver(queue);
  const messages = await receive(receiver, sent.length);

  for (const [index, message] of messages.entries()) {
    const raw = message._rawAmqpMessage;
    assert.equal(raw.bodyType, sent[index].bodyType);
    assert.deepEqual(message.body, sent[index].body);
    assert.equal(raw.messageAnnotations["x-opt-mine"], "m");
    assert.equal(message.state, "active");
  }
  assert.equal(messages[2]._rawAmqpMessage.header.priority, 7);
  assert.equal(messages[2].sessionId, "g");
  await receiver.close();
});

test("the sessions of a subscription are received from, peeked and deferred", async () => {
  const topic = newName("topic");
  await admin.createTopic(topic);
  await admin.createSubscription(topic, "sessions", { requiresSession: true });
  await send(topic, { body: "1", sessionId: "a" }, { body: "2", sessionId: "a" }, { body: "x", sessionId: "b" });
  const receiver = await client.acceptSession(topic, "sessions", "a");
  assert.deepEqual(bodies(await receiver.peekMessages(10)), ["1", "2"]);
  const [first, second] = await receive(receiver, 2);
  await receiver.deferMessage(first);
  await receiver.abandonMessage(second);
  const [deferred] = await receiver.receiveDeferredMessages(first.sequenceNumber);
  assert.deepEqual([deferred.body, deferred.state], ["1", "deferred"]);
  await receiver.completeMessage(deferred);
  for await (const message of receiver.getMessageIterator()) {
    assert.deepEqual([message.body, message.deliveryCount], ["2", 1]);
    await receiver.deadLetterMessage(message);
    break;
  }
  await receiver.close();

  const next = await client.acceptNextSession(topic, "sessions", { receiveMode: "receiveAndDelete" });
  assert.deepEqual([next.sessionId, ...bodies(await receive(next, 1))], ["b", "x"]);
  await next.close();
  const graves = client.createReceiver(topic, "sessions", { subQueueType: "deadLetter" });
  assert.deepEqual(bodies(await receive(graves, 1)), ["2"]);
  await graves.close();
});

test("everything that there is can be listed, page by page", async () => {
  const topic = newName("topic");
  const made = await admin.createTopic(topic);
  made.autoDeleteOnIdle = "PT1H";
  await admin.updateTopic(made);
  assert.equal((await admin.getTopic(topic)).autoDeleteOnIdle, "PT1H");
  const names = ["a", "b", "c"];
  for (const name of names) await admin.createSubscription(topic, name);
  assert.equal((await admin.getSubscription(topic, "b")).subscriptionName, "b");
  const pages = [];
  for await (const page of admin.listSubscriptions(topic).byPage({ maxPageSize: 2 })) pages.push(page.length);
  assert.deepEqual(pages, [2, 1]);
  for (const list of [admin.listSubscriptions(topic), admin.listSubscriptionsRuntimeProperties(topic)]) {
    assert.deepEqual((await listed(list)).map((each) => each.subscriptionName), names);
  }
  const topics = await listed(admin.listTopics());
  assert.ok(topics.some((each) => each.name === topic));
  const [counts] = (await listed(admin.listTopicsRuntimeProperties())).filter((each) => each.name === topic);
  assert.equal(counts.subscriptionCount, 3);
  const queue = await newQueue();
  await send(queue, { body: "1" });
  const [runtime] = (await listed(admin.listQueuesRuntimeProperties())).filter((each) => each.name === queue);
  assert.equal(runtime.activeMessageCount, 1);
  const rules = client.createRuleManager(topic, "a");
  assert.deepEqual((await listed(rules.listRules())).map((rule) => rule.name), ["$Default"]);
});

test("what cannot be forwarded is found in the transfer dead-letter queue", async () => {
  const target = await newQueue();
  const source = await newQueue({ forwardTo: target });
  const full = await admin.getQueue(target);
  full.status = "SendDisabled";
  await admin.updateQueue(full);
  await send(source, { body: "1" });
  const graves = client.createReceiver(source, { subQueueType: "transferDeadLetter" });
  const [letter] = await receive(graves, 1);

  assert.equal(letter.body, "1");
  await graves.completeMessage(letter);
  await graves.close();
});

test("what is refused has the code that the documentation names", async () => {
  const queue = await newQueue();
  const sender = client.createSender(queue);
  await fails("MessageSizeExceeded", sender.sendMessages({ body: "x".repeat(300_000) }));
  await sender.close();
  await fails("MessagingEntityNotFound", send("nobody", { body: "1" }));
  const wrong = new ServiceBusClient(CONNECTION_STRING.replace("SAS_KEY_VALUE", "wrong"), IMPATIENT);
  await fails("UnauthorizedAccess", wrong.createSender(queue).sendMessages({ body: "1" }));
  await wrong.close();
});

async function advance(seconds) {
  const answer = await fetch(`${process.env.EMULATOR_URL}/emulator/clock/advance?seconds=${seconds}`, { method: "POST" });
  assert.ok(answer.ok);
}

/** `osquery-extension/testing`: a core for tests without osquery. */
export { ExtensionClient, type PushedConstraint, type Question } from './extension-client.ts';
export { MockManager, type MockManagerOptions, type Registration } from './mock-manager.ts';

import type { PolicyFile } from './source.ts';

/** What `aip dev` adds on the first start of a data folder: agents may try each other out, writing still waits for a person. */
export const DEV_POLICY: PolicyFile = {
  name: 'dev.cedar',
  text: `\
// Written by "aip dev", for trying things out. Take this file away before others use the platform.

@id("dev-agents-work-together")
permit (principal is Agent, action in [Action::"invoke", Action::"signal"], resource);

@id("dev-agents-call-reading-tools")
permit (principal is Agent, action == Action::"call", resource)
when { resource.effect == "read" };

@id("dev-agents-call-other-tools-after-approval")
@approve("operators")
@approve_expires("1h")
permit (principal is Agent, action == Action::"call", resource)
unless { resource.effect == "read" };
`,
};

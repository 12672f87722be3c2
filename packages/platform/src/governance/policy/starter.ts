/** The name under which the starter policy is written into the data folder. */
export const STARTER_FILE = 'starter.cedar';

/** The policy of a new platform. It is the operator's from then on: written once, never overwritten. */
export const STARTER_POLICY = `\
// Who may do what on this platform. Yours to change: it was written once, at the first start.
//
// Whatever no policy here permits is denied, and a forbid always wins. A policy that cannot be
// evaluated denies, so ask \`context.arguments has path\` before you look at an argument.
// \`aip policy check\` validates this folder, \`aip policy test\` runs your cases against it.
//
// Obligations are annotations on a permit, and those of all permits that apply add up:
//   @approve("operators")  a person has to agree first    @approve_expires("10m")  within this time
//   @rate("10/m")          no more often than this        @log("note")             leave a note
//   @redact("result.token")  remove these fields

// ---- People who run the platform ---------------------------------------------------------------

@id("admins-may-do-everything")
permit (principal in Role::"admin", action, resource);

@id("operators-and-viewers-see-everything")
permit (principal, action == Action::"operate", resource)
when { principal in [Role::"operator", Role::"viewer"] && resource.effect == "read" };

@id("operators-and-viewers-open-the-dashboard")
permit (principal, action == Action::"operate", resource == Operation::"logins.create")
when { principal in [Role::"operator", Role::"viewer"] };

// Whoever is on duty can stop things; what has been stopped is released by an admin.
@id("operators-approve-and-stop")
permit (principal in Role::"operator", action == Action::"operate", resource)
when { resource in [Operation::"asks.answer", Operation::"kills.kill", Operation::"kills.pause"] };

@id("operators-manage-tasks")
permit (principal in Role::"operator", action == Action::"operate", resource in Domain::"tasks");

// ---- Services and people who use it: Role::"caller" --------------------------------------------

@id("callers-invoke-agents")
permit (principal in Role::"caller", action == Action::"invoke", resource);

@id("callers-read")
permit (principal in Role::"caller", action in [Action::"read", Action::"get"], resource);

@id("callers-call-reading-tools")
permit (principal in Role::"caller", action == Action::"call", resource)
when { resource.effect == "read" };

// What writes, or reaches outside, waits for a person.
@id("callers-call-other-tools-after-approval")
@approve("operators")
@approve_expires("1h")
permit (principal in Role::"caller", action == Action::"call", resource)
unless { resource.effect == "read" };

@id("callers-look-around")
permit (principal in Role::"caller", action == Action::"operate", resource)
when { resource.plane == "data" && resource.effect == "read" };

@id("callers-manage-their-tasks")
permit (principal in Role::"caller", action == Action::"operate", resource in Domain::"tasks")
when { resource.plane == "data" };

// Where an MCP server wants to know its users, each logs in there for itself.
@id("callers-log-in-to-servers")
permit (principal in Role::"caller", action == Action::"operate", resource)
when { resource in [Operation::"mcp.login", Operation::"mcp.logout"] };

// ---- Agents ------------------------------------------------------------------------------------

// They come and go, see what there is and look after their own tasks. Whom they may talk to is not
// said here: one agent reaches another only over a connection (\`aip connect\` writes connections.cedar).
@id("agents-come-and-go")
permit (principal is Agent, action == Action::"operate", resource)
when { resource in [Operation::"agents.connect", Operation::"agents.disconnect"] };

@id("agents-look-around")
permit (principal is Agent, action == Action::"operate", resource)
when {
  resource.plane == "data" && resource.effect == "read" &&
  resource in [Domain::"agents", Domain::"catalogue"]
};

@id("agents-manage-their-tasks")
permit (principal is Agent, action == Action::"operate", resource in Domain::"tasks")
when { resource.plane == "data" };

// ---- Everybody ---------------------------------------------------------------------------------

// An agent's card is public, as A2A clients expect: they read it before they know how to sign in.
@id("cards-are-public")
permit (principal is Anonymous, action == Action::"operate", resource == Operation::"agents.get");

// ---- What nobody may ---------------------------------------------------------------------------

@id("no-endless-chains")
forbid (principal, action, resource)
when { context.depth > 16 };

@id("agents-prove-who-they-are")
forbid (principal is Agent, action, resource)
when { principal.assurance == "none" };
`;

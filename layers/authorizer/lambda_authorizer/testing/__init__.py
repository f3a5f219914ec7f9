"""What a tester needs to prove rules in CI without AWS: fake issuer, true-shape events, IAM, simulated gateway.

Nothing in this package is shipped in the layer, and nothing in it is read by a running authorizer.

    plugin     pytest fixtures over all of it
    stage      one test's gateway: every front end on one clock, and the issuer that its function trusts
    asserts    what a client must get; a failure tells the whole way of the call (`why`: and the rules' part in it)
    function   the shipped authorizer with the rules under test
    gateway    the front ends themselves: identity sources, result cache, policy evaluation, status and body
    iam        evaluates policy documents as IAM does, written independently of the policy builder
    events     the events that API Gateway and AppSync send, by kind (`call`: what the client sends, and where)
    issuer     an identity provider in the test's own process: keys, good tokens, bad ones by name
    provider   the same behind a socket of this machine: discovery, tokens, introspection (`tls`: its certificate)
    demo       mints the files of events/
"""

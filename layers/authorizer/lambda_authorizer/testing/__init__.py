"""What a tester needs to prove rules in CI without AWS: fake issuer, true-shape events, IAM, simulated gateway.

Nothing in this package is shipped in the layer, and nothing in it is read by a running authorizer.

    iam        evaluates policy documents as IAM does, written independently of the policy builder
    issuer     an identity provider in the test's own process: keys, tokens, discovery, introspection
    events     the events that API Gateway and AppSync send, by kind
    gateway    the front ends themselves: identity sources, result cache, policy evaluation, status and body
    plugin     pytest fixtures over all of it
"""

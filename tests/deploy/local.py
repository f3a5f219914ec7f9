"""Run by SAM CLI's own Python: which layers `sam local` would mount for each function of a template.

python local.py TEMPLATE '{"Parameter": "value"}' > layers.json
"""

import json
import os
import sys

os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"

from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

stacks, _ = SamLocalStackProvider.get_stacks(sys.argv[1], parameter_overrides=json.loads(sys.argv[2]))
functions = SamFunctionProvider(stacks).get_all()
json.dump({function.name: [layer.name for layer in function.layers] for function in functions}, sys.stdout)

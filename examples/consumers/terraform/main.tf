# An authorizer of one's own on the published layer, with Terraform.

terraform {
  required_version = ">= 1.5"
  required_providers {
    archive = { source = "hashicorp/archive", version = ">= 2.4" }
    aws     = { source = "hashicorp/aws", version = ">= 5.70" }
  }
}

variable "issuer" {
  description = "The issuer to trust, exactly as it stands in the token's iss"
  type        = string
}

variable "audience" {
  description = "The audience that tokens must carry"
  type        = string
}

variable "rest_api_id" {
  description = "The REST API to protect"
  type        = string
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

data "aws_ssm_parameter" "layer" {
  name = "/lambda-authorizer/layer-arn"
}

data "archive_file" "authorizer" {
  type        = "zip"
  source_dir  = "${path.module}/../authorizer"
  output_path = "${path.module}/authorizer.zip"
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.authorizer.arn}:log-stream:*"]
  }
}

resource "aws_cloudwatch_log_group" "authorizer" {
  name              = "/aws/lambda/orders-authorizer"
  retention_in_days = 90
}

resource "aws_iam_role" "authorizer" {
  name_prefix        = "orders-authorizer-"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "logs" {
  role   = aws_iam_role.authorizer.id
  policy = data.aws_iam_policy_document.logs.json
}

resource "aws_lambda_function" "authorizer" {
  function_name    = "orders-authorizer"
  role             = aws_iam_role.authorizer.arn
  runtime          = "python3.13"
  architectures    = ["arm64"]
  memory_size      = 512
  timeout          = 8
  filename         = data.archive_file.authorizer.output_path
  source_code_hash = data.archive_file.authorizer.output_base64sha256
  handler          = "app.lambda_handler"
  layers           = [nonsensitive(data.aws_ssm_parameter.layer.value)]

  environment {
    variables = {
      ISSUER                = var.issuer
      AUDIENCE              = var.audience
      AUTHORIZER_RESULT_TTL = "300"
    }
  }

  depends_on = [aws_cloudwatch_log_group.authorizer, aws_iam_role_policy.logs]
}

resource "aws_api_gateway_authorizer" "toolkit" {
  name                             = "toolkit"
  rest_api_id                      = var.rest_api_id
  type                             = "TOKEN"
  authorizer_uri                   = aws_lambda_function.authorizer.invoke_arn
  identity_source                  = "method.request.header.Authorization"
  authorizer_result_ttl_in_seconds = 300 # the same number as AUTHORIZER_RESULT_TTL
}

resource "aws_lambda_permission" "toolkit" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.authorizer.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "arn:${data.aws_partition.current.partition}:execute-api:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:${var.rest_api_id}/authorizers/${aws_api_gateway_authorizer.toolkit.id}"
}

# On each aws_api_gateway_method: authorization = "CUSTOM" and this id; then a new aws_api_gateway_deployment.
output "authorizer_id" {
  value = aws_api_gateway_authorizer.toolkit.id
}

"""A monthly budget over everything that carries the platform's tag.

The tag reaches the bill only after it has been activated as a cost allocation tag, once, by hand, in the account that
pays (AWS Billing user guide, activating user-defined cost allocation tags, 2026-11); CloudFormation cannot.
"""

from __future__ import annotations

from aws_cdk import aws_budgets as budgets
from constructs import Construct

from ai_on_eks.descriptors.platform_monitoring import Budget

SPENT_PERCENT = 80
FORECAST_PERCENT = 100


class PlatformBudget(Construct):
    """Tells people of spending, and stops nothing: a model that stops serving costs more than a day of it."""

    def __init__(self, scope: Construct, id: str, *, budget: Budget, tag: tuple[str, str]) -> None:  # noqa: A002 - CDK's name
        super().__init__(scope, id)
        key, value = tag
        self.resource = budgets.CfnBudget(
            self,
            "Resource",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=budget.usd_per_month, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:{key}${value}"]},
            ),
            notifications_with_subscribers=[
                self._notification("ACTUAL", SPENT_PERCENT, budget),
                self._notification("FORECASTED", FORECAST_PERCENT, budget),
            ],
        )

    def _notification(
        self, kind: str, percent: int, budget: Budget
    ) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
        return budgets.CfnBudget.NotificationWithSubscribersProperty(
            notification=budgets.CfnBudget.NotificationProperty(
                notification_type=kind,
                comparison_operator="GREATER_THAN",
                threshold=percent,
                threshold_type="PERCENTAGE",
            ),
            subscribers=[
                budgets.CfnBudget.SubscriberProperty(subscription_type="EMAIL", address=email)
                for email in sorted(set(budget.emails))
            ],
        )

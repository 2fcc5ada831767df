"""The hooks that `cas` brings, as far as `config.yaml` switches them on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.hook_settings import HookSettings
    from cas.layout import Layout


def built_in(
    layout: Layout, settings: HookSettings, *, clock_ns: Callable[[], int], actor: str
) -> dict[str, object]:
    """Make the plug-ins that are switched on, by their keys in `config.yaml`.

    Args:
        layout: Where the repository is.
        settings: What its `config.yaml` says about hooks.
        clock_ns: Gives the time since 1970 in ns.
        actor: Who acts, for the audit log.
    """
    found: dict[str, object] = {}
    if settings.has_audit_log:
        from cas.hooks.audit import AuditLog  # noqa: PLC0415 - few switch it on

        found["audit_log"] = AuditLog(layout.audit_log, clock_ns, actor)
    if settings.size_limit is not None:
        from cas.hooks.policies import SizeLimit  # noqa: PLC0415 - as above

        found["size_limit"] = SizeLimit(settings.size_limit)
    if settings.required_properties:
        from cas.hooks.policies import RequiredProperties  # noqa: PLC0415 - as above

        found["required_properties"] = RequiredProperties(settings.required_properties)
    return found

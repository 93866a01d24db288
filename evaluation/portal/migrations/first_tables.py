"""The first tables of the portal, and what keeps its events from being changed."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from evaluation.portal.sealed import SealedJson, SealedText

_REFUSED = "events are only ever added to"


def _keep_events(apps: Any, schema_editor: Any) -> None:
    """Refuse changes and deletions of events, as the ledger's tables do."""
    if schema_editor.connection.vendor == "sqlite":
        for act in ("UPDATE", "DELETE"):
            schema_editor.execute(
                f"CREATE TRIGGER portal_event_no_{act.lower()} BEFORE {act} ON portal_event "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            )
        return
    schema_editor.execute(
        "CREATE FUNCTION portal_event_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    schema_editor.execute(
        "CREATE TRIGGER portal_event_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON portal_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION portal_event_kept()"
    )


class Migration(migrations.Migration):
    """People, grants, drafts, events and what is sent."""

    initial = True

    dependencies: list[Any] = []

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("who", models.TextField()),
                ("what", models.TextField(db_index=True)),
                ("about", models.TextField(blank=True, default="")),
                ("size", models.BigIntegerField(default=0)),
                ("previous", models.TextField()),
                ("chain", models.TextField(unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="Outgoing",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.TextField()),
                ("to", models.TextField(blank=True, default="")),
                ("content", models.JSONField(default=dict)),
                ("due", models.DateTimeField()),
                ("tries", models.IntegerField(default=0)),
                ("state", models.TextField(db_index=True, default="waiting")),
                ("said", models.TextField(blank=True, default="")),
                ("done", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                ("issued_by", models.TextField(default="local")),
                ("subject", models.TextField()),
                ("name", models.TextField()),
                ("email", models.TextField()),
                ("second_factor", models.TextField(blank=True, default="")),
                ("last_step", models.BigIntegerField(default=0)),
                ("locked", models.BooleanField(default=False)),
                ("began", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("issued_by", "subject"), name="one_account_each"
                    ),
                    models.UniqueConstraint(fields=("name",), name="one_name_each"),
                ]
            },
        ),
        migrations.CreateModel(
            name="Draft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.TextField(unique=True)),
                ("programme", models.TextField()),
                ("site", models.TextField()),
                ("agency", models.TextField()),
                ("quarter", models.TextField()),
                ("file_name", models.TextField()),
                ("file_sha256", SealedText()),
                ("size", models.IntegerField()),
                ("stored", models.TextField()),
                ("rows", models.IntegerField()),
                ("report", SealedText()),
                ("text", SealedText()),
                ("changes", SealedJson(default=list)),
                ("totals", SealedJson(default=list)),
                ("shared", models.BooleanField(default=False)),
                ("state", models.TextField(default="ready")),
                ("asked_after", models.IntegerField(null=True)),
                ("return_id", models.TextField(blank=True, default="")),
                ("made", models.DateTimeField()),
                ("ends", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="portal.person"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("role", models.TextField()),
                ("site", models.TextField(blank=True, default="")),
                ("agency", models.TextField(blank=True, default="")),
                ("given_by", models.TextField()),
                ("reason", models.TextField()),
                ("begins", models.DateTimeField()),
                ("ends", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="portal.person",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.TextField()),
                ("token_hash", models.TextField(blank=True, db_index=True, default="")),
                ("made_by", models.TextField()),
                ("made", models.DateTimeField()),
                ("ends", models.DateTimeField()),
                ("used", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="portal.person"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.TextField(unique=True)),
                ("return_id", models.TextField()),
                ("site", models.TextField()),
                ("agency", models.TextField()),
                ("quarter", models.TextField()),
                ("reason", models.TextField()),
                ("asked", models.DateTimeField()),
                ("decided", models.DateTimeField(null=True)),
                ("state", models.TextField(default="asked")),
                ("act_id", models.TextField(blank=True, default="")),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="asked",
                        to="portal.person",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="said",
                        to="portal.person",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Answer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rule", models.TextField()),
                ("cell", models.TextField(blank=True, default="")),
                ("asked", SealedText()),
                ("value", SealedText(blank=True, default="")),
                ("reason", SealedText()),
                (
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answers",
                        to="portal.draft",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Reminder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("site", models.TextField()),
                ("agency", models.TextField()),
                ("quarter", models.TextField()),
                ("days", models.IntegerField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="portal.person"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("person", "site", "agency", "quarter", "days"), name="reminded_once"
                    )
                ]
            },
        ),
        migrations.RunPython(_keep_events, migrations.RunPython.noop),
    ]

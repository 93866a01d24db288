"""What a draft holds is sealed: its columns are text, and no question is looked for."""

from __future__ import annotations

from django.db import migrations

from evaluation.portal.sealed import SealedJson, SealedText


class Migration(migrations.Migration):
    """Columns of sealed text in place of clear ones; what is there already is read as it is."""

    dependencies = (("portal", "first_tables"),)
    operations = (
        migrations.RemoveConstraint(model_name="answer", name="one_answer_a_question"),
        *(
            migrations.AlterField(model_name="draft", name=name, field=SealedText())
            for name in ("file_sha256", "report", "text")
        ),
        *(
            migrations.AlterField(model_name="draft", name=name, field=SealedJson(default=list))
            for name in ("changes", "totals")
        ),
        *(
            migrations.AlterField(model_name="answer", name=name, field=SealedText())
            for name in ("asked", "reason")
        ),
        migrations.AlterField(
            model_name="answer", name="value", field=SealedText(blank=True, default="")
        ),
    )

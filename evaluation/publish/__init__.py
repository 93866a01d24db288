"""Publishing: an edition is frozen, can be verified for ever, and says why it differs.

Steps: what has to be run again (`refresh`), the headline figures (`headline`) and what they rest on
(`snapshot`), why they moved (`attribution`, `difference`), freezing (`editions`, `publish`),
checking what was frozen (`proof`), and doing all that unattended (`unattended`).
"""

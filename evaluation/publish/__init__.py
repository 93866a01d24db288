"""Publishing: an edition is frozen, can be verified for ever, and says why it differs.

Steps: what has to be run again (`refresh`), the headline figures and why they moved (`headline`,
`snapshot`, `attribution`, `difference`), freezing (`editions`, `publish`), checking what was frozen
(`proof`), and doing all that unattended (`unattended`).
"""

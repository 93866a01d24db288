"""Publishing: an edition is frozen, can be verified for ever, and says why it differs.

Steps: what has to be run again (`fresh`), the headline figures and why they moved (`headline`,
`pieces`, `split`, `difference`), freezing (`freeze`), checking what was frozen (`proof`), and doing
all that unattended (`unattended`).
"""

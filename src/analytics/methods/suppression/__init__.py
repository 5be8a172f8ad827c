"""
Cell suppression: which cells of a table to hide, and what an attacker still learns.

The suppressor (``network``, ``extend``) and the attacker (``attack``) share no code: the one
reasons on the circulation of a table's cells, the other on linear programmes over the
smallest groups of persons any release tells apart.

References
----------
Hundepool, A. et al. (2012). *Statistical Disclosure Control*. Wiley. Chapter 4.
Fischetti, M. and Salazar, J. J. (2001). Solving the cell suppression problem on tabular data
with linear constraints. *Management Science* 47(7), 1008-1027.
Gusfield, D. (1988). A graph theoretic approach to statistical data security. *SIAM Journal
on Computing* 17(3), 552-571.
"""

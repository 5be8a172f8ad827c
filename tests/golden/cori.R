# Makes cori_incidence.csv, cori_reference.csv and serial_interval.csv with R's EpiEstim
# (computed with R 4.2.2 and EpiEstim 2.2.4): Rscript cori.R
suppressMessages(library(EpiEstim))
set.seed(4)
cases <- list(
  growth = list(local = c(3, rpois(29, exp(seq(0, 4, length.out = 29)))),
                imported = c(1, rpois(29, 0.8))),
  late_import = list(local = c(rep(0, 20), 1, 0, 2, 1, 3, 0, 0, 1, 0, 0),
                     imported = c(rep(0, 12), 2, rep(0, 17))),
  only_imported = list(local = rep(0, 25), imported = c(0, 1, 0, 3, rep(0, 10), 5, rep(0, 10))),
  first_only = list(local = c(7, rep(0, 17)), imported = rep(0, 18)),
  short = list(local = c(2, 1, 4, 3, 9, 6), imported = c(0, 0, 1, 0, 0, 0)),
  huge = list(local = round(1000 * exp(0.2 * (0:39))), imported = rep(0, 40)))
parameters <- list(c(7.5, 3.4, 5, 5), c(1.2, 0.5, 5, 5), c(4.8, 2.3, 1, 0.1),
                   c(2.6, 1.5, 2.6, 200), c(12, 6, 0.5, 3))
rows <- NULL
counts <- NULL
for (name in names(cases)) {
  incidence <- as.data.frame(cases[[name]])
  days <- nrow(incidence)
  counts <- rbind(counts, cbind(case = name, t = seq_len(days), incidence))
  for (index in seq_along(parameters)) {
    p <- parameters[[index]]
    sets <- list(uneven = list(c(2, 2, days - 2, days, 3), c(days, 3, days, days, days - 1)))
    for (length in c(4, 7)[index %% 2 + 1]) if (days > length)
      sets[[as.character(length)]] <- list(2:(days - length + 1), (length + 1):days)
    for (set in names(sets)) {
      r <- suppressWarnings(estimate_R(incidence, method = "parametric_si", config = make_config(
        list(mean_si = p[1], std_si = p[2], mean_prior = p[3], std_prior = p[4],
             t_start = sets[[set]][[1]], t_end = sets[[set]][[2]]))))$R
      rows <- rbind(rows, data.frame(
        case = name, windows = set, mean_si = p[1], std_si = p[2], mean_prior = p[3],
        std_prior = p[4], t_start = r$t_start, t_end = r$t_end, mean = r[["Mean(R)"]],
        std = r[["Std(R)"]], q025 = r[["Quantile.0.025(R)"]], q25 = r[["Quantile.0.25(R)"]],
        median = r[["Median(R)"]], q975 = r[["Quantile.0.975(R)"]]))
    }
  }
}
write.csv(counts, "cori_incidence.csv", row.names = FALSE, quote = FALSE)
write.csv(rows, "cori_reference.csv", row.names = FALSE, quote = FALSE, na = "")
intervals <- do.call(rbind, lapply(
  list(c(1.05, 0.4), c(2.6, 1.5), c(3, 6), c(12, 6), c(20, 1)),
  function(p) data.frame(mean_si = p[1], std_si = p[2], k = 0:40,
                         p = discr_si(0:40, p[1], p[2]))))
write.csv(intervals, "serial_interval.csv", row.names = FALSE, quote = FALSE)
# Uncertain interval: EpiEstim samples, so these figures carry Monte Carlo error.
set.seed(1)
uncertain <- suppressWarnings(estimate_R(
  as.data.frame(cases$growth), method = "uncertain_si", config = make_config(list(
    mean_si = 7.5, std_mean_si = 2, min_mean_si = 1.5, max_mean_si = 13.5, std_si = 3.4,
    std_std_si = 1, min_std_si = 0.4, max_std_si = 6.4, n1 = 20000, n2 = 40,
    t_start = 2:24, t_end = 8:30, seed = 1))))$R
write.csv(data.frame(t_start = uncertain$t_start, t_end = uncertain$t_end,
                     mean = uncertain[["Mean(R)"]], std = uncertain[["Std(R)"]],
                     q025 = uncertain[["Quantile.0.025(R)"]], median = uncertain[["Median(R)"]],
                     q975 = uncertain[["Quantile.0.975(R)"]]),
          "cori_uncertain.csv", row.names = FALSE, quote = FALSE, na = "")

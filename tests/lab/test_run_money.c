/* SPDX-License-Identifier: Apache-2.0 */
/* test_run_money.c — what a provider would ask for, and what a made-up /sys says of a processor. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "lab/run_int.h"

/* Five runs of 20 minutes a day: 100 minutes are paid for by the minute, five hours by the hour. */
static void five_runs_of_twenty_minutes(void **state)
{
    (void)state;
    double sessions[10];
    for (int i = 0; i < 5; i++) {
        sessions[2 * i] = 7200.0 * i + 0.5;
        sessions[2 * i + 1] = sessions[2 * i] + 1200;
    }
    assert_true(fabs(run_cost(PLAN_BILL_MINUTE, 6, sessions, 5, 0) - 10) < 1e-9);
    assert_true(fabs(run_cost(PLAN_BILL_HOUR, 6, sessions, 5, 0) - 30) < 1e-9);
    assert_true(fabs(run_cost(PLAN_BILL_SECOND, 6, sessions, 5, 0) - 10) < 1e-9);
    assert_true(fabs(run_cost(PLAN_BILL_SUBMISSION, 2, sessions, 5, 3) - 6) < 1e-9);
}

static void each_start_is_rounded_up(void **state)
{
    (void)state;
    const double sessions[] = {0, 61, 100, 100.001, 200, 200};
    assert_true(fabs(run_cost(PLAN_BILL_MINUTE, 60, sessions, 3, 0) - 3) < 1e-9);
    assert_true(fabs(run_cost(PLAN_BILL_SECOND, 3600, sessions, 3, 0) - 62) < 1e-9);
    assert_true(fabs(run_cost(PLAN_BILL_HOUR, 5, sessions, 2, 0) - 10) < 1e-9);
}

static void put(const char *root, const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", root, folder);
    assert_int_equal(file_make_dirs(path, NULL), TRI_OK);
    snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
    assert_int_equal(file_save(path, text, strlen(text), NULL), TRI_OK);
}

static void sensors_of_the_processor(void **state)
{
    (void)state;
    char root[] = "/tmp/tri-sense-XXXXXX", command[64];
    double degrees, clock, most;
    assert_non_null(mkdtemp(root));
    run_sense_cpu(root, &degrees, &clock, &most);
    assert_true(isnan(degrees) && isnan(clock) && isnan(most));
    put(root, "/sys/class/thermal/thermal_zone0", "type", "acpitz\n");
    put(root, "/sys/class/thermal/thermal_zone0", "temp", "20000\n");
    put(root, "/sys/class/thermal/thermal_zone1", "type", "x86_pkg_temp\n");
    put(root, "/sys/class/thermal/thermal_zone1", "temp", "81500\n");
    put(root, "/sys/devices/system/cpu/cpu0/cpufreq", "scaling_cur_freq", "1800000\n");
    put(root, "/sys/devices/system/cpu/cpu0/cpufreq", "cpuinfo_max_freq", "3600000\n");
    put(root, "/sys/devices/system/cpu/cpu1/cpufreq", "scaling_cur_freq", "2200000\n");
    put(root, "/sys/devices/system/cpu/cpu1/cpufreq", "cpuinfo_max_freq", "3500000\n");
    run_sense_cpu(root, &degrees, &clock, &most);
    assert_true(fabs(degrees - 81.5) < 1e-9 && fabs(clock - 2000) < 1e-6 && fabs(most - 3600) < 1e-6);
    put(root, "/sys/class/hwmon/hwmon3", "name", "coretemp\n");
    put(root, "/sys/class/hwmon/hwmon3", "temp1_input", "92000\n");
    put(root, "/sys/devices/system/cpu/cpu1/cpufreq", "scaling_cur_freq", "no number\n");
    run_sense_cpu(root, &degrees, &clock, &most);
    assert_true(fabs(degrees - 92) < 1e-9 && fabs(clock - 1800) < 1e-6);
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_runs_of_twenty_minutes),
        cmocka_unit_test(each_start_is_rounded_up),
        cmocka_unit_test(sensors_of_the_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

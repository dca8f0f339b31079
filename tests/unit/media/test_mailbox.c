#include "mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define POSTERS 2
#define EACH    20000

static struct plm_command *command(enum plm_command_type type, uint32_t transport)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    assert_non_null(cmd);
    cmd->type = type;
    cmd->transport = transport;
    return cmd;
}

static void keeps_order_and_tells_when_to_wake(void **state)
{
    (void)state;
    struct plm_mailbox m;
    plm_mailbox_init(&m);
    assert_null(plm_mailbox_take(&m));
    assert_true(plm_mailbox_post(&m, command(PLM_CMD_CLOSE, 1)));
    assert_false(plm_mailbox_post(&m, command(PLM_CMD_CLOSE, 2)));
    assert_false(plm_mailbox_post(&m, command(PLM_CMD_CLOSE, 3)));
    struct plm_command *cmd = plm_mailbox_take(&m);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_non_null(cmd);
        assert_int_equal(cmd->transport, i);
        struct plm_command *next = cmd->next;
        plm_command_free(cmd);
        cmd = next;
    }
    assert_null(cmd);
    assert_true(plm_mailbox_post(&m, command(PLM_CMD_CLOSE, 4)));
    plm_mailbox_destroy(&m); /* the leak checker sees whether what was left is freed */
}

/** Every type frees what it owns: the leak checker is the assertion, the count shows that all were met. */
static void destroys_what_commands_own(void **state)
{
    (void)state;
    struct plm_mailbox m;
    plm_mailbox_init(&m);
    unsigned made = 0;
    int ends[2], stream[2];
    char octet;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, stream), 0);
    for (int type = PLM_CMD_DESCRIBE; type <= PLM_CMD_STATS; type++, made++) {
        struct plm_command *cmd = command((enum plm_command_type)type, 7);
        if (type == PLM_CMD_DESCRIBE)
            cmd->params = calloc(1, sizeof *cmd->params);
        else if (type == PLM_CMD_VIEW)
            cmd->view = calloc(1, sizeof *cmd->view);
        else if (type == PLM_CMD_PIN)
            cmd->pins.v = calloc(3, sizeof *cmd->pins.v);
        else if (type == PLM_CMD_FEED)
            cmd->feed.fd = ends[0];
        else if (type == PLM_CMD_STREAM) {
            cmd->stream.fd = stream[0];
            cmd->stream.early = malloc(3);
        }
        plm_mailbox_post(&m, cmd);
    }
    assert_int_equal(made, 10);
    plm_mailbox_destroy(&m);
    assert_int_equal(recv(ends[1], &octet, 1, MSG_DONTWAIT), 0); /* its other end is closed */
    assert_int_equal(recv(stream[1], &octet, 1, MSG_DONTWAIT), 0);
    close(ends[1]);
    close(stream[1]);
    plm_command_free(NULL);
    plm_transport_plan_free(NULL);
}

struct poster {
    struct plm_mailbox *m;
    uint32_t base;
};

static void *post_many(void *arg)
{
    struct poster *p = arg;
    for (uint32_t i = 0; i < EACH; i++)
        plm_mailbox_post(p->m, command(PLM_CMD_CLOSE, p->base + i));
    return NULL;
}

static void each_poster_is_heard_in_order(void **state)
{
    (void)state;
    struct plm_mailbox m;
    plm_mailbox_init(&m);
    pthread_t threads[POSTERS];
    struct poster posters[POSTERS];
    uint32_t next[POSTERS];
    for (uint32_t i = 0; i < POSTERS; i++) {
        next[i] = i * EACH;
        posters[i] = (struct poster){&m, i * EACH};
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    for (unsigned got = 0; got < POSTERS * EACH;) {
        for (struct plm_command *cmd = plm_mailbox_take(&m), *after; cmd; cmd = after, got++) {
            after = cmd->next;
            assert_int_equal(cmd->transport, next[cmd->transport / EACH]++);
            plm_command_free(cmd);
        }
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_null(plm_mailbox_take(&m));
    plm_mailbox_destroy(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_tells_when_to_wake),
        cmocka_unit_test(destroys_what_commands_own),
        cmocka_unit_test(each_poster_is_heard_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

//! The queue by table and by property: what must hold in every state that it can be in.

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn job(tenant: u128, message: u128, heavy: bool) -> Job {
    // One session a tenant, unless a test says otherwise.
    let lease =
        Lease { tenant: TenantId(Uuid::from_u128(tenant)), session: SessionId(Uuid::from_u128(tenant)), epoch: 1 };
    Job { lease, message: MessageId(Uuid::from_u128(message)), heavy, anyway: false }
}

fn id(job: &Job) -> u128 {
    job.message.0.as_u128()
}

/// Pushes jobs of `(tenant, message, heavy)` and takes all that may begin at once.
fn begun(queue: &mut Queue, jobs: &[(u128, u128, bool)]) -> Vec<u128> {
    for (tenant, message, heavy) in jobs {
        assert!(queue.push(job(*tenant, *message, *heavy)));
    }
    std::iter::from_fn(|| queue.take()).map(|job| id(&job)).collect()
}

#[test]
fn tenants_take_turns_and_each_is_served_in_its_order() {
    let mut queue = Queue::new(16);
    let jobs = [(1, 11, false), (1, 12, false), (1, 13, false), (2, 21, false), (3, 31, false), (2, 22, false)];
    assert_eq!(begun(&mut queue, &jobs), [11, 21, 31, 12, 22, 13]);
}

#[test]
fn one_tenant_holds_at_most_a_quarter_of_the_workers() {
    for (workers, want) in [(1, 1), (2, 1), (3, 1), (4, 1), (8, 2), (16, 4)] {
        let mut queue = Queue::new(workers);
        let jobs: Vec<_> = (0..20).map(|n| (1, n, false)).collect();
        assert_eq!(begun(&mut queue, &jobs).len(), want, "{workers} workers");
    }
}

#[test]
fn however_many_tenants_have_slow_work_one_who_has_none_begins_at_once() {
    for others in 1..16 {
        let mut queue = Queue::new(16);
        let slow: Vec<_> = (0..50 * others).map(|n| (n % others, n, false)).collect();
        assert!(begun(&mut queue, &slow).len() < 16);
        assert_eq!(begun(&mut queue, &[(99, 9_999, false)]), [9_999], "behind {others} others");
    }
}

#[test]
fn a_voice_note_begins_at_once_beside_the_hundreds_of_videos_of_others() {
    let mut queue = Queue::new(4);
    let videos: Vec<_> = (0..120).map(|n| (n % 3, n, true)).collect();
    assert_eq!(begun(&mut queue, &videos).len(), 3);
    assert_eq!(begun(&mut queue, &[(9, 900, false)]), [900]);
    // Its worker stays free for the next one.
    queue.over(MessageId(Uuid::from_u128(900)));
    assert_eq!(begun(&mut queue, &[(9, 901, true), (9, 902, false)]), [902]);
}

#[test]
fn while_long_work_has_to_wait_a_tenants_own_short_work_does_not() {
    let mut queue = Queue::new(8);
    let videos: Vec<_> = (0..6).map(|n| (n % 3, n, true)).collect();
    assert_eq!(begun(&mut queue, &videos).len(), 6);
    assert_eq!(begun(&mut queue, &[(9, 90, true), (9, 91, false)]), [91]);
    // Videos hold all that they may; the next one begins when one of them is over.
    assert!(queue.take().is_none());
    queue.over(MessageId(Uuid::from_u128(0)));
    assert_eq!(queue.take().map(|job| id(&job)), Some(90));
}

#[test]
fn a_message_is_worked_on_once_and_under_the_newest_lease() {
    let mut queue = Queue::new(2);
    assert_eq!(begun(&mut queue, &[(1, 1, false), (1, 1, false), (1, 2, false)]), [1]);
    assert!(queue.push(job(1, 1, false)) && queue.push(job(1, 2, false)));
    assert_eq!(queue.waiting(), 1);
    let mut newer = job(1, 2, false);
    newer.lease.epoch = 2;
    assert!(queue.push(newer));
    queue.over(MessageId(Uuid::from_u128(1)));
    let next = queue.take().unwrap();
    assert_eq!((id(&next), next.lease.epoch), (2, 2));
    queue.over(next.message);
    assert!(queue.take().is_none());
    // What is over may come again: it is tried anew.
    assert_eq!(begun(&mut queue, &[(1, 1, false)]), [1]);
}

#[test]
fn a_session_fills_its_own_places_and_no_others() {
    let mut queue = Queue::new(2);
    for n in 0..PER_SESSION as u128 {
        assert!(queue.push(job(1, n, false)));
    }
    assert!(!queue.push(job(1, 1_000, false)));
    let mut other = job(1, 1_001, false);
    other.lease.session = SessionId(Uuid::from_u128(7));
    assert!(queue.push(other) && queue.push(job(2, 1_002, false)));
    // A place is free again once a job has begun.
    let begun = queue.take().unwrap();
    assert!(queue.push(job(1, 1_000, false)));
    queue.over(begun.message);
}

/// What happens to a queue.
#[derive(Debug, Clone)]
enum Step {
    Push(u128, u128, bool),
    Take,
    /// The nth of the running jobs is over.
    Over(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_u128, 0..60_u128, any::<bool>()).prop_map(|(tenant, message, heavy)| Step::Push(tenant, tenant * 100 + message, heavy)),
        3 => Just(Step::Take),
        2 => (0..8_usize).prop_map(Step::Over),
    ]
}

proptest! {
    #[test]
    fn nobody_is_starved_nothing_is_lost_and_no_limit_is_passed(workers in 1..9_usize, steps in vec(step(), 0..300)) {
        let mut queue = Queue::new(workers);
        let mut running: Vec<Job> = Vec::new();
        let (mut pushed, mut taken) = (HashSet::new(), HashSet::new());
        // How often others were served while a tenant could have been.
        let mut passed_over: HashMap<TenantId, usize> = HashMap::new();
        for step in steps {
            match step {
                Step::Push(tenant, message, heavy) => {
                    let here = queue.waiting.contains(&MessageId(Uuid::from_u128(message)))
                        || running.iter().any(|job| id(job) == message);
                    prop_assert!(queue.push(job(tenant, message, heavy)));
                    if !here {
                        pushed.insert(message);
                        taken.remove(&message);
                    }
                }
                Step::Over(nth) if !running.is_empty() => {
                    let job = running.swap_remove(nth % running.len());
                    queue.over(job.message);
                }
                Step::Over(_) => {}
                Step::Take => {
                    let long = running.iter().filter(|job| job.heavy).count();
                    let free = workers - running.len();
                    let share = (workers / 4).min(free).max(1);
                    let may = |tenant: TenantId, line: &Line| {
                        free > 0
                            && running.iter().filter(|job| job.lease.tenant == tenant).count() < share
                            && (!line.light.is_empty() || long < (workers - (workers / 4).max(1)).max(1))
                    };
                    let able: Vec<TenantId> =
                        queue.lines.iter().filter(|(tenant, line)| may(**tenant, line)).map(|(tenant, _)| *tenant).collect();
                    let job = queue.take();
                    prop_assert_eq!(job.is_some(), !able.is_empty(), "a worker stands idle, or one too many works");
                    let Some(job) = job else { continue };
                    prop_assert!(able.contains(&job.lease.tenant));
                    prop_assert!(taken.insert(id(&job)), "worked on twice");
                    for tenant in able {
                        let times = passed_over.entry(tenant).or_default();
                        *times = if tenant == job.lease.tenant { 0 } else { *times + 1 };
                        prop_assert!(*times < 4, "a tenant was passed over {} times", times);
                    }
                    running.push(job);
                }
            }
        }
        // With everything over one after the other, all that came was worked on.
        loop {
            while let Some(job) = queue.take() {
                prop_assert!(taken.insert(id(&job)));
                running.push(job);
            }
            let Some(job) = running.pop() else { break };
            queue.over(job.message);
        }
        prop_assert_eq!(taken, pushed);
        prop_assert!(queue.turns.is_empty() && queue.lines.is_empty() && queue.waiting.is_empty() && queue.of_session.is_empty());
    }
}

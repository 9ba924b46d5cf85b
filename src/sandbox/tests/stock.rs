//! What a companion may store has an end.

use super::harness::{Net, phone};
use crate::sandbox::ledger::{Change, SignedPreKey};

const ALICE: &str = "+237611111111";

#[tokio::test]
async fn only_the_latest_uploads_of_pre_keys_are_kept() {
    let net = Net::new().await;
    let _companion = net.linked(ALICE).await;
    let account = net.sandbox.network.find(&phone(ALICE)).await.unwrap().unwrap();
    let (ledger, device) = (&net.sandbox.network.ledger, account.device(2));
    for id in 0..40_u32 {
        let key = SignedPreKey { id: 1, key: [1; 32], signature: vec![1; 64] };
        let prekeys = [id.to_be_bytes().as_slice(), &[7; 32]].concat();
        let upload = Change::Bundle { device, registration: 1, key, total: 1, prekeys };
        ledger.write(vec![upload]).await.unwrap();
    }
    assert_eq!(ledger.prekey_count(device).await.unwrap(), 16);
    assert_eq!(ledger.take_prekey(device).await.unwrap().unwrap().id, 24);
    // Those of the other device are as they were.
    assert!(net.prekeys(ALICE).await > 16);
}

use dagtwin::model::*; use dagtwin::journal::*; use dagtwin::failover::seam::*;
fn main(){
 let name=std::env::args().nth(1).unwrap_or("nic-loss".into());
 let site=builtin::SITES[0];
 let sc=site.scenarios.iter().find(|s|s.name==name).unwrap();
 let set=load::wishes(sc.text);
 let t=match load::topology(site.topology.path, site.topology.text,&set){Ok(t)=>t.topology,Err(p)=>{for p in p{println!("{p}");}return}};
 let s=match load::scenario(sc.path,sc.name,sc.text,&t){Ok(t)=>t,Err(p)=>{for p in p{println!("{p}");}return}};
 let b=std::time::Instant::now();
 let r=dagtwin::sim::simulate(&t,&s,1,dagtwin::sim::Recording::Memory);
 let e=b.elapsed();
 let mut kinds=std::collections::BTreeMap::new();
 for (i,x) in r.records.iter().enumerate(){
   let show=match &x.what{What::In(_,Input::Saw(_)|Input::Order(_)|Input::Link{..})=>true,What::In(..)=>false,What::Out(_,Effect::Note(_))=>true,What::Out(_,Effect::Send{..})=>false,What::Out(_,Effect::Do{act,..})=>!matches!(act,Act::LooksAlive(_)|Act::IsAlive(_)|Act::Store(_)),
    What::Plant(record::Plant::Neighbour{..})=>false,What::Plant(_)=>true,What::Fault{..}|What::Step{..}=>true,What::Client(..)|What::Mail(..)=>false};
   *kinds.entry(format!("{:?}",x.what).split(|c:char|!c.is_alphanumeric()).take(3).collect::<Vec<_>>().join(" ")).or_insert(0)+=1;
   if show&&std::env::args().nth(2).is_some(){println!("#{i} {} <-{:?} {:?}",x.at,x.cause.map(|c|c.0),x.what);}
 }
 println!("{kinds:#?} records {} events {} {e:?}",r.records.len(),r.events);
 // outages
 let mut last=vec![None;t.total_clients() as usize]; let mut worst=vec![(0u64,0u64);t.total_clients() as usize];
 for x in &r.records{ if let What::Client(c,ev)=&x.what{ match ev{record::ClientEvent::Asked{..}=>last[c.0 as usize]=Some(x.at),record::ClientEvent::Answered{latency}=>{ if latency.as_nanos()>worst[c.0 as usize].0&&x.at.as_nanos()>50_000_000_000{worst[c.0 as usize]=(latency.as_nanos(),x.at.as_nanos());} last[c.0 as usize]=None;},_=>{}}}}
 for g in &t.clients{ let mut v:Vec<_>=(g.first.0..g.first.0+g.count).map(|i|(worst[i as usize],i)).collect(); v.sort(); let m=v.last().unwrap(); let stuck=(g.first.0..g.first.0+g.count).filter(|i|last[*i as usize].is_some_and(|a|a.as_nanos()+40_000_000_000<s.until.as_nanos())).count(); let latest=v.iter().map(|x|if x.0.0>100_000_000{x.0.1}else{0}).max().unwrap(); println!("{} worst {:.3}s ending {:.3} client {} p50 {:.3} stuck {stuck} latest end {:.3}",g.name,m.0.0 as f64/1e9,m.0.1 as f64/1e9,m.1,v[v.len()/2].0.0 as f64/1e9,latest as f64/1e9);}
}
